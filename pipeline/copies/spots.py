"""Where two pictures that lie over each other differ by more than copying explains."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
"""Grey levels; shape (side, side)."""
Mask = npt.NDArray[np.bool_]

_NOISE, _EDGES = 16, 0.2
"""Grey levels, and share of what the pixels around span, that resampling and palettes change."""
_SPOT = 12
"""A spot is this part of the side across: about a character of a caption."""
_SEEN = 1.5
"""Grey levels beyond what copying explains from which a pixel belongs to a mark."""
_SQUARE = np.ones((3, 3), np.uint8)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
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


def spots(one: Picture, other: Picture, within: Mask, bound: float | None = None) -> Spots:
    """Compare two pictures of the same size where ``within`` says that both show something.

    With a ``bound``, a mark is only looked for where it decides: if the worst spot isn't below the
    bound, but the worst one beside a mark may be.

    An edge that lies a fraction of a pixel off changes a pixel by a share of what its
    neighbourhood spans; letters that are others change it by more, and over a whole spot.
    """
    size = max(3, len(one) // _SPOT)
    spans = [cv2.morphologyEx(p, cv2.MORPH_GRADIENT, _SQUARE) for p in (one, other)]
    gap = one - other
    allowed = np.float32(_EDGES) * np.maximum(*spans) + np.float32(_NOISE)
    excess = np.asarray(np.maximum(np.abs(gap) - allowed, 0) * within, np.float32)
    means = _mean(excess, size)
    worst = float(means.max())
    if bound is not None and (worst < bound or _away_from_edges(means, size) >= bound):
        return Spots(worst, worst)
    mark = _watermark(excess, gap)
    if mark is None:
        return Spots(worst, worst)
    return Spots(worst, float(_mean(np.where(mark, np.float32(0), excess), size).max()), mark)


def _mean(picture: Picture, size: int) -> Picture:
    """Mean of the ``size`` times ``size`` pixels around each."""
    means = cv2.boxFilter(picture, -1, (size, size), borderType=cv2.BORDER_REFLECT)
    return np.asarray(means, np.float32)


def _away_from_edges(means: Picture, size: int) -> float:
    """The worst spot of those so far from the upper and lower edge that no mark reaches there."""
    side = len(means)
    reach = int(side * _CORNER) + _growth(side) + size + 1
    return float(means[reach : side - reach].max(initial=0))


def _growth(side: int) -> int:
    """Pixels by which letters of a mark are joined to each other."""
    return max(1, side // 24)


def _watermark(excess: Picture, gap: Picture) -> Mask | None:
    """What looks like one: small letters of one ink in a corner, on one of the two pictures.

    A caption is larger, or stands in the middle; where letters replace others, some pixels are
    darker and some lighter.
    """
    marked = _mean(excess, 3) > _SEEN
    joined = cv2.dilate(marked.astype(np.uint8), _CROSS, iterations=_growth(len(excess)))
    count, areas = cv2.connectedComponents(joined, connectivity=4)
    if count == 1:
        return None
    sums = np.bincount(areas.reshape(-1), weights=excess.reshape(-1), minlength=count)
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
