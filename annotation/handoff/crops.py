"""Boxes of text lines, and what they enclose, cut out as PaddleOCR's recogniser sees it."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from pipeline.engine.errors import StickerworksError

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]
"""In pixels, clockwise in the picture, from the text's upper left corner."""

_LEAST_SIDE = 3  # pixels; nothing is read in less
_UPRIGHT = 1.5  # from this height to width on, PaddleOCR takes a line for a vertical one
_QUALITY = 95


def corners(box: Sequence[float] | None, size: tuple[int, int]) -> Corners | None:
    """The four corners of a box of 8 numbers within a picture of ``size``; None if it has none."""
    if box is None or len(box) != 8 or not all(map(math.isfinite, box)):
        return None
    width, height = size
    points = [
        (min(max(float(x), 0.0), float(width)), min(max(float(y), 0.0), float(height)))
        for x, y in zip(box[::2], box[1::2], strict=True)
    ]
    first, second, third, fourth = points
    if _area((first, second, third, fourth)) < 0:
        second, fourth = fourth, second
    found = (first, second, third, fourth)
    sides = [math.dist(found[n], found[(n + 1) % 4]) for n in range(4)]
    return found if min(sides) >= _LEAST_SIDE and _convex(found) else None


def cut_out(picture: Image.Image, found: Corners) -> Image.Image:
    """What the corners enclose as an upright rectangle; a vertical line lies on its left side.

    The same sizes and the same turn as PaddleOCR's ``get_rotate_crop_image``, which made what its
    recogniser was trained on.
    """
    width = round(max(math.dist(found[0], found[1]), math.dist(found[3], found[2])))
    height = round(max(math.dist(found[0], found[3]), math.dist(found[1], found[2])))
    flat = picture.transform(
        (width, height),
        Image.Transform.PERSPECTIVE,
        _perspective(found, width, height),
        Image.Resampling.BICUBIC,
    )
    return flat.transpose(Image.Transpose.ROTATE_90) if height >= _UPRIGHT * width else flat


def open_jpeg(jpeg: bytes) -> Image.Image:
    """A key frame's pixels. Raises StickerworksError for bytes that are no whole JPEG."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            return picture.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise StickerworksError(f"A key frame can't be opened: {error}.") from error


def write_jpeg(picture: Image.Image) -> bytes:
    """A picture as JPEG, colours at full resolution."""
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=_QUALITY, subsampling=0)
    return target.getvalue()


def _area(found: Corners) -> float:
    """Twice the area; positive when clockwise in a picture, whose y grows downwards."""
    following = (*found[1:], found[0])
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(found, following, strict=True))


def _convex(found: Corners) -> bool:
    turns = []
    for n in range(4):
        a, b, c = found[n], found[(n + 1) % 4], found[(n + 2) % 4]
        turns.append((b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]))
    return all(turn > 0 for turn in turns)


def _perspective(found: Corners, width: int, height: int) -> list[float]:
    """Pillow's eight coefficients, which map the rectangle's points to the picture's."""
    flat = ((0, 0), (width, 0), (width, height), (0, height))
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(flat, found, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    solved = np.linalg.solve(np.array(rows), np.array([c for point in found for c in point]))
    return [float(value) for value in solved]
