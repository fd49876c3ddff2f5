"""Draws docs/curves.png: runs on real stickers against their shuffled controls.

    python docs/curves.py RUNS    # a folder with real-NAME and control-NAME for each trainer

The runs are those of docs/baselines.md: `stickerworks train NAME --release RELEASE --output
RUNS/real-NAME`, and `--output RUNS/control-NAME --shuffled`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure

_SHOWN = {
    "tiny": ("map", "mAP"),
    "att2pl": ("map", "mAP"),
    "mghft": ("map", "mAP"),
    "stickerclip": ("R@10", "R@10"),
    "sti": ("denoising_loss", "denoising loss"),
}
_COLOURS = {"real": "#3b6ea5", "control": "#c0564b"}


def main() -> None:
    """Read every run's curve and draw one panel for each trainer."""
    runs = Path(sys.argv[1])
    names = [name for name in _SHOWN if (runs / f"real-{name}").is_dir()]
    figure = Figure(figsize=(3.2 * len(names), 2.8), dpi=100, layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        metric, title = _SHOWN[name]
        for kind, colour in _COLOURS.items():
            points = json.loads((runs / f"{kind}-{name}" / "curve.json").read_text("utf-8"))
            epochs = [point["epoch"] for point in points]
            values = [point["metrics"][metric] for point in points]
            axes.plot(epochs, values, color=colour, label=f"{kind} labels", linewidth=1.4)
        axes.set(title=f"{name}: validation {title}", xlabel="epoch")
        axes.title.set_fontsize(9)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    figure.savefig(Path(__file__).with_name("curves.png"), metadata={"Software": None})


if __name__ == "__main__":
    main()
