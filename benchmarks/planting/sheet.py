"""A contact sheet of pairs of stickers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

_SIDE, _ACROSS = 150, 5


def draw_sheet(
    path: Path, pairs: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]]
) -> None:
    """Draw each pair's first key frames side by side under its title, as a PNG."""
    lines = max(1, -(-len(pairs) // _ACROSS))
    sheet = Image.new("RGB", (_ACROSS * (2 * _SIDE + 10), lines * (_SIDE + 20)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (title, *both) in enumerate(pairs):
        x, y = place % _ACROSS * (2 * _SIDE + 10), place // _ACROSS * (_SIDE + 20)
        draw.text((x, y), title, "red")
        for number, row in enumerate(both):
            with Image.open(io.BytesIO(row["key_frames"][0]["jpeg"])) as picture:
                small = picture.convert("RGB").resize((_SIDE, _SIDE))
            sheet.paste(small, (x + number * (_SIDE + 2), y + 14))
    sheet.save(path)
