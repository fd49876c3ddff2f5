"""Stickers of a row side by side, as one small picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from pipeline.tags.naming.sheet.contents import SIDE

_GAP = 4
_QUALITY = 80


def draw_strip(pictures: Sequence[bytes]) -> tuple[bytes, int, int]:
    """A JPEG of the pictures, each in a square of SIDE pixels, and its width and height."""
    width = len(pictures) * (SIDE + _GAP) - _GAP
    strip = Image.new("RGB", (width, SIDE), "white")
    for place, data in enumerate(pictures):
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as opened:
            picture = opened.convert("RGB")
        picture.thumbnail((SIDE, SIDE))
        left = place * (SIDE + _GAP) + (SIDE - picture.width) // 2
        strip.paste(picture, (left, (SIDE - picture.height) // 2))
    target = io.BytesIO()
    strip.save(target, "JPEG", quality=_QUALITY, optimize=True)
    return target.getvalue(), width, SIDE
