"""Stickers drawn here, in the proportions of real ones, for where there are none."""

from __future__ import annotations

import math
import random
from pathlib import Path

from PIL import Image, ImageDraw


def draw_mix(folder: Path, files: int = 200) -> Path:
    """Stickers in the proportions of the real ones: 46% GIF, 27% JPEG, 22% PNG, 4% WebP."""
    rng = random.Random(0)
    for index in range(files):
        kind = rng.choices(["gif", "jpeg", "png", "webp"], [46, 27, 22, 4])[0]
        side = rng.randint(100, 300)
        count = {"gif": rng.randint(1, 16), "webp": rng.randint(10, 100)}.get(kind, 1)
        frames = [_draw(rng, side, i / count, kind) for i in range(count)]
        more = {"save_all": True, "append_images": frames[1:], "duration": 60} if count > 1 else {}
        frames[0].save(folder / f"{index:03}.{kind}", kind.upper(), **more)
    return folder


def _draw(rng: random.Random, side: int, phase: float, kind: str) -> Image.Image:
    image = Image.new("RGB" if kind == "jpeg" else "RGBA", (side, side), "white")
    pen = ImageDraw.Draw(image)
    for part in range(12):
        x, y = (side * (0.5 + 0.4 * f(6.3 * (phase + part / 12))) for f in (math.sin, math.cos))
        colour = tuple(rng.randrange(256) for _ in range(3))
        pen.ellipse([x - side / 8, y - side / 8, x + side / 8, y + side / 8], fill=colour)
    return image
