"""Draws docs/curves.png: runs on real stickers against their shuffled controls.

    python docs/curves.py RUNS    # a folder with real-NAME and control-NAME for each trainer

The runs are those of docs/baselines.md: `stickerworks train NAME --release RELEASE --output
RUNS/real-NAME`, and `--output RUNS/control-NAME --shuffled`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.engine.figures import is_share, title_of

# The metric and the validation loss of each; STI is judged by its loss alone.
_SHOWN = {
    "tiny": ("map", "validation_loss"),
    "att2pl": ("map", "validation_loss"),
    "mghft": ("map", "validation_loss"),
    "stickerclip": ("R@10", "validation_loss"),
    "sti": (None, "denoising_loss"),
}
_COLOURS = {"real": "#3b6ea5", "control": "#c0564b"}


def main() -> None:
    """Read every run's curve and draw a metric and the losses of each trainer."""
    runs = Path(sys.argv[1])
    names = [name for name in _SHOWN if (runs / f"real-{name}").is_dir()]
    figure = Figure(figsize=(3.2 * len(names), 5), dpi=100, layout="constrained")
    grid = figure.subplots(2, len(names), squeeze=False)
    for column, name in enumerate(names):
        for axes, field in zip(grid[:, column], _SHOWN[name], strict=True):
            if field is None:
                axes.set_axis_off()
            else:
                _draw(axes, runs, name, field)
    figure.savefig(Path(__file__).with_name("curves.png"), metadata={"Software": None})


def _draw(axes: Axes, runs: Path, name: str, field: str) -> None:
    """One figure of both runs of a trainer; a loss with its training loss, dashed."""
    share = is_share(field)
    for kind, colour in _COLOURS.items():
        points = json.loads((runs / f"{kind}-{name}" / "curve.json").read_text("utf-8"))
        epochs = [point["epoch"] for point in points]
        values = [point["metrics"][field] * (100 if share else 1) for point in points]
        axes.plot(epochs, values, color=colour, label=f"{kind} labels", linewidth=1.4)
        if not share:
            train = [point["loss"] for point in points]
            axes.plot(epochs, train, color=colour, linewidth=0.9, linestyle="--")
    axes.set_title(f"{name}: {title_of(field)}", fontsize=9)
    axes.set_ylabel("per cent" if share else "dashed: training loss", fontsize=8)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim((-2, 102) if share else None)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="lower right" if share else "upper right")


if __name__ == "__main__":
    main()
