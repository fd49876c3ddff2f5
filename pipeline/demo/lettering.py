"""Captions: which letters can be drawn here, and how they are fitted into a box."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageDraw, ImageFont

from pipeline.engine.fonts import chinese_font

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True)
class Lettering:
    """The typeface in use: a font file, or None for Pillow's own, which has Latin alone."""

    file: str | None

    @property
    def chinese(self) -> bool:
        """Whether Chinese captions can be drawn."""
        return self.file is not None

    def font(self, size: int) -> Font:
        return _load(self.file, size)


def find_lettering() -> Lettering:
    """The typeface that this machine offers."""
    found = chinese_font()
    return Lettering(None if found is None else str(found))


def write_lines(
    draw: ImageDraw.ImageDraw,
    box: Box,
    lines: tuple[str, ...],
    lettering: Lettering,
    colours: tuple[str, str | None] = ("black", None),
) -> None:
    """Write lines as large as fits into the box, centred; colours are of text and its rim."""
    left, top, right, bottom = box
    text, rim = colours
    height = (bottom - top) / len(lines)
    font = _fitting(lettering, lines, right - left, height)
    stroke = 0 if rim is None else 2
    for number, line in enumerate(lines):
        place = ((left + right) / 2, top + (number + 0.5) * height)
        draw.text(
            place, line, fill=text, font=font, anchor="mm", stroke_width=stroke, stroke_fill=rim
        )


def wrap(words: tuple[str, ...], width: int) -> tuple[str, ...]:
    """Words set in lines of at most ``width`` characters; Latin ones keep a space between."""
    lines = [""]
    for word in words:
        gap = " " if lines[-1] and word.isascii() else ""
        if lines[-1] and len(lines[-1] + gap + word) > width:
            lines.append(word)
        else:
            lines[-1] += gap + word
    return tuple(lines)


@lru_cache(maxsize=64)
def _load(file: str | None, size: int) -> Font:
    if file is None:
        return ImageFont.load_default(size)
    return ImageFont.truetype(file, size)


def _fitting(lettering: Lettering, lines: tuple[str, ...], width: float, height: float) -> Font:
    size = max(8, int(height * 0.86))
    widest = max(lettering.font(size).getlength(line) for line in lines)
    return lettering.font(max(8, min(size, int(size * width / max(widest, 1)))))
