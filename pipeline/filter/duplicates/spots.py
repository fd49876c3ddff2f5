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
Mask = npt.NDArray[np.bool_]

_NOISE, _EDGES = 16, 0.2
"""Grey levels, and share of what the pixels around span, that resampling and palettes change."""
_SPOT = 12
"""A spot is this part of the side across: about a character of a caption."""
_SEEN = 1.5
"""Grey levels beyond what copying explains from which a pixel belongs to a mark."""
_CORNER, _ASIDE = 0.2, 0.15
_TALL, _WIDE, _ONE_INK = 0.11, 0.65, 0.85
"""A mark's greatest height and width, and how far all its pixels are darker, or all lighter."""


@dataclass(frozen=True)
class Spots:
    """``worst``: mean excess difference of the worst spot, in grey levels. ``without_mark``: that
    beside what looks like a watermark, whose pixels are ``mark``; where nothing does, that is
    the same as ``worst``."""

    worst: float
    without_mark: float
    mark: Mask | None = None


def spots(one: Picture, other: Picture, within: Mask) -> Spots:
    """Compare two pictures of the same size where ``within`` says that both show something.

    An edge that lies a fraction of a pixel off changes a pixel by a share of what its
    neighbourhood spans; letters that are others change it by more, and over a whole spot.
    """
    size = max(3, len(one) // _SPOT)
    spans = [maximum_filter(p, 3) - minimum_filter(p, 3) for p in (one, other)]
    excess = np.maximum(0, np.abs(one - other) - _EDGES * np.maximum(*spans) - _NOISE) * within
    worst = float(uniform_filter(excess, size).max())
    mark = _watermark(excess, one - other)
    if mark is None:
        return Spots(worst, worst)
    return Spots(worst, float(uniform_filter(np.where(mark, 0, excess), size).max()), mark)


def _watermark(excess: Picture, gap: Picture) -> Mask | None:
    """What looks like one: small letters of one ink in a corner, on one of the two pictures.

    A caption is larger, or stands in the middle; where letters replace others, some pixels are
    darker and some lighter.
    """
    side = len(excess)
    marked = uniform_filter(excess, 3) > _SEEN
    areas, count = label(binary_dilation(marked, iterations=max(1, side // 24)))
    if not count:
        return None
    sums = np.bincount(areas.reshape(-1), weights=excess.reshape(-1), minlength=count + 1)
    mark: Mask = areas == 1 + int(sums[1:].argmax())
    ink = gap[mark & marked]
    one_ink = abs(ink.sum()) >= _ONE_INK * np.abs(ink).sum()
    return mark if one_ink and _in_a_corner(mark & marked) else None


def _in_a_corner(mark: Mask) -> bool:
    side = len(mark)
    (top, bottom), (left, right) = (
        (lines.min() / side, (lines.max() + 1) / side) for lines in np.nonzero(mark)
    )
    # On small pictures, blur makes letters taller and wider by a pixel.
    tall, wide = bottom - top - 1 / side, right - left - 1 / side
    at_edge = top > 1 - _CORNER or bottom < _CORNER
    aside = abs(left + right - 1) / 2 > _ASIDE
    return bool(at_edge and aside and tall < _TALL and wide < _WIDE)
