"""A workspace of stickers that are drawn here, filtered and with a named tag set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pipeline.engine.workspace import Workspace
from stickerworks.cli.main import app

WORDS = ("happy cat", "sad dog", "good night", "thank you", "birthday cake", "angry bird")


def make_workspace(folder: Path, count: int) -> Workspace:
    """Draw ``count`` stickers below ``folder`` and bring them as far as people can be asked."""
    draw(folder / "stickers", count)
    source = f"crawl.sources=[{{source: folder, options: {{path: {folder / 'stickers'}}}}}]"
    # Drawn ones look alike to a hash of looks.
    base = ["--workspace", str(folder / "workspace"), "--set", source, "--set", "tags.clusters=4"]
    base += ["--set", "filter.duplicates.max_phash_distance=0"]
    workspace = Workspace(folder / "workspace")
    for room in ("crawl", "filter", "tags"):
        call([*base, room])
    call([*base, "tags", "apply", str(_named(workspace, folder / "naming.json"))])
    return workspace


def call(words: Sequence[str]) -> None:
    """Run `stickerworks` with these words; SystemExit where it fails."""
    code = app(args=list(words), standalone_mode=False)
    if code not in (0, None):
        raise SystemExit(f"stickerworks {' '.join(words)} ended with {code}")


def draw(folder: Path, count: int) -> None:
    """Stickers of which no two look alike, every other one moving, in a folder a keyword."""
    random = np.random.default_rng(0)
    for n in range(count):
        keyword = folder / WORDS[n % len(WORDS)]
        keyword.mkdir(parents=True, exist_ok=True)
        boxes = random.integers(0, 84, (7, 2))
        colours = random.integers(0, 256, (8, 3))
        frames = []
        for step in range(1 + 2 * (n % 2)):
            frame = Image.new("RGB", (96, 96), tuple(int(c) for c in colours[7]))
            pen = ImageDraw.Draw(frame)
            for (x, y), colour in zip(boxes.tolist(), colours[:7].tolist(), strict=True):
                pen.rectangle((x, y + 3 * step, x + 12, y + 12 + 3 * step), fill=tuple(colour))
            frames.append(frame)
        frames[0].save(
            keyword / f"{n:03d}.gif", save_all=True, append_images=frames[1:], duration=120, loop=0
        )


def _named(workspace: Workspace, path: Path) -> Path:
    """The names that clusters suggest, as if people had chosen them."""
    proposals = workspace.read("proposals").to_pylist()
    rows = [{"key": row["key"], "decision": "keep", "name": row["name"]} for row in proposals]
    said = {"stickerworks_naming": 1, "version": proposals[0]["version"], "rows": rows}
    path.write_text(json.dumps(said), encoding="utf-8")
    return path
