"""Where two pictures that lie over each other differ by more than copying explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import (
    binary_dilation,
    label,
    maximum_filter,
    minimum_filter,
    uniform_filter,
)

Picture = npt.NDArray[np.float32]
"""Grey levels; shape (side, side)."""

_NOISE, _EDGES = 8, 0.25
"""Grey levels, and share of what the pixels around span, that resampling and palettes change."""
_SPOT = 12
"""A spot is this part of the side across: about a character of a caption."""
_SEEN = 1.5
"""Grey levels beyond what copying explains from which a pixel belongs to a mark."""
_CORNER, _MARGIN = 0.2, 0.15
_TALL, _WIDE, _ONE_INK = 0.13, 0.75, 0.75
"""A mark's greatest height and width, and how far all its pixels are darker, or all lighter."""


@dataclass(frozen=True)
class Spots:
    """``worst``: mean excess difference of the worst spot, in grey levels. ``without_mark``: that
    beside what looks like a watermark; the same as ``worst`` where nothing does."""

    worst: float
    without_mark: float


def spots(one: Picture, other: Picture, within: npt.NDArray[np.bool_], reach: int = 1) -> Spots:
    """Compare two pictures of the same size where ``within`` says that both show something.

    An edge that lies a fraction of a pixel off changes a pixel by a share of what its
    neighbourhood spans (``reach`` pixels to each side); letters that are others change it by more,
    and over a whole spot.
    """
    side = len(one)
    size = max(3, side // _SPOT)
    excess = _excess(one, other, reach) * within
    worst = float(uniform_filter(excess, size).max())
    return Spots(worst, _without_mark(excess, one - other, size))


def _excess(one: Picture, other: Picture, reach: int) -> Picture:
    window = 2 * reach + 1
    spans = [maximum_filter(p, window) - minimum_filter(p, window) for p in (one, other)]
    excess: Picture = np.abs(one - other) - _EDGES * np.maximum(*spans) - _NOISE
    return np.maximum(0, excess)


def _without_mark(excess: Picture, gap: Picture, size: int) -> float:
    """The worst spot beside a watermark: small letters of one ink in a corner, on one of the two.

    A caption is larger, or stands in the middle; where letters replace others, some pixels are
    darker and some lighter.
    """
    side = len(excess)
    worst = float(uniform_filter(excess, size).max())
    marked = uniform_filter(excess, 3) > _SEEN
    areas, count = label(binary_dilation(marked, iterations=max(1, side // 24)))
    if not count:
        return worst
    sums = np.bincount(areas.reshape(-1), weights=excess.reshape(-1), minlength=count + 1)
    mark = areas == 1 + int(sums[1:].argmax())
    ink = gap[mark & marked]
    if not _in_a_corner(mark & marked) or abs(ink.sum()) < _ONE_INK * np.abs(ink).sum():
        return worst
    return float(uniform_filter(np.where(mark, 0, excess), size).max())


def _in_a_corner(mark: npt.NDArray[np.bool_]) -> bool:
    side = len(mark)
    (top, bottom), (left, right) = (
        (lines.min() / side, (lines.max() + 1) / side) for lines in np.nonzero(mark)
    )
    # On small pictures, blur makes letters taller by a pixel.
    tall, wide = bottom - top - 1 / side, right - left
    at_edge = top > 1 - _CORNER or bottom < _CORNER
    aside = right > 1 - _MARGIN or left < _MARGIN
    return bool(at_edge and aside and tall < _TALL and wide < _WIDE)
