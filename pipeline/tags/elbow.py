"""Which number of clusters: the elbow of the inertia curve, and how clear it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Numbers whose height is within this share of the greatest are as good as the chosen one.
DEFENSIBLE = 0.05
SPANS = 10
POINTS = 40
# How much faster the curve falls before an elbow than after, over this share of its number.
_BEND = 2
_NEAR = 0.25
# The height of an elbow as a share of the greatest: where the range is wide, the chord lies higher
# still above what comes after the elbow, but the first numbers' dents are no elbows.
_HIGH = 2 / 3
# From one of the smallest numbers to the next.
_GROWTH = 1.15
_TIE = 1e-9


@dataclass(frozen=True)
class Elbow:
    """The chosen number of clusters, its height, and the range of nearly as good ones."""

    k: int
    height: float
    clear: bool
    lowest: int
    highest: int


def find_elbow(ks: Sequence[int], inertias: Sequence[float], clear_from: float) -> Elbow:
    """The number where the curve bends most sharply, or the one farthest below its chord.

    An elbow is where the curve falls less than half as fast after it as before; a clear one is
    also ``clear_from`` high or more. Height alone grows with the range that is tried: a smooth
    curve without any elbow gets 0.2 high below 400 and 0.4 below 1,000. There it is the height
    that chooses, and where no number stands out (a straight line), the largest is chosen: it has
    the least inertia. Where no elbow is clear, every number nearly as high as the highest is as
    good. Raises ValueError where there is no number.
    """
    heights = chord_heights(ks, inertias)
    best = float(heights.max())
    bends = _bends(ks, inertias)
    as_good = heights >= best * (1 - DEFENSIBLE) - _TIE
    # Far behind the highest number the curve only flattens out.
    early = (np.arange(len(ks)) <= heights.argmax()) & (heights >= best * _HIGH)
    sharp = (early | as_good) & (bends >= _BEND) & (best > _TIE)
    near, top = (np.flatnonzero(found) for found in (as_good, heights >= best - _TIE))
    if not sharp.any():
        return Elbow(ks[top[-1]], best, False, ks[near[0]], ks[near[-1]])
    place = int(np.where(sharp, bends * heights, 0).argmax())
    height = float(heights[place])
    if height < clear_from:
        first, last = min(place, near[0]), max(place, near[-1])
        return Elbow(ks[place], height, False, ks[first], ks[last])
    first, last = _run(sharp, place)
    return Elbow(ks[place], height, True, ks[first], ks[last])


def chord_heights(ks: Sequence[int], inertias: Sequence[float]) -> Floats:
    """Distance below the line from the first point to the last, both axes scaled to 0 to 1.

    ``ks`` ascend. A step curve that falls at once is almost 1 high, a straight line 0; negative
    where the curve lies above its chord.
    """
    x = np.asarray(ks, dtype=np.float64)
    y = np.asarray(inertias, dtype=np.float64)
    if len(x) < 3 or y[0] - y[-1] <= 0:
        return np.zeros(len(x))
    heights: Floats = (1 - (x - x[0]) / (x[-1] - x[0])) - (y - y[-1]) / (y[0] - y[-1])
    return heights


def candidates(smallest: int, largest: int, coarse_step: int, step: int) -> list[int]:
    """Numbers of the first pass: both ends, and multiples of ``coarse_step`` between them.

    A range of fewer than SPANS such steps gets about POINTS numbers, multiples of ``step``.
    """
    span = largest - smallest
    if largest < SPANS * coarse_step:
        coarse_step = min(coarse_step, step * max(1, -(-span // (POINTS * step))))
    first = smallest - smallest % coarse_step + coarse_step
    return sorted({smallest, *range(first, largest + 1, coarse_step), largest})


def small_numbers(coarse: Sequence[int], step: int) -> list[int]:
    """Numbers between the first two of ``coarse``, each some more than the one before.

    Most of a curve's fall is there: as one straight line it would seem to bend at its end.
    """
    if len(coarse) < 2:
        return []
    found, number = [], coarse[0]
    while (number := max(number + step, round(number * _GROWTH))) < coarse[1]:
        found.append(number)
    return found


def refinement(around: int, coarse: Sequence[int], step: int) -> list[int]:
    """Numbers of the second pass: ``step`` apart, from the coarse number before to the one after.

    ``around`` is one of ``coarse``; so are the first and the last number.
    """
    place = coarse.index(around)
    first, last = coarse[max(0, place - 1)], coarse[min(len(coarse) - 1, place + 1)]
    return sorted({*range(first, last + 1, step), around, last})


def _bends(ks: Sequence[int], inertias: Sequence[float]) -> Floats:
    """How many times faster the curve falls just before each number than just after it."""
    at = np.asarray(ks, dtype=np.float64)
    around = np.maximum(1.0, at * _NEAR)
    # Beyond the ends there is no curve.
    left, right = np.maximum(at - around, ks[0]), np.minimum(at + around, ks[-1])
    before, here, after = (np.interp(x, ks, inertias) for x in (left, at, right))
    falls = np.divide(before - here, at - left, out=np.zeros(len(at)), where=at > left)
    still = np.divide(here - after, right - at, out=np.full(len(at), np.inf), where=right > at)
    bends: Floats = falls / np.maximum(still, np.finfo(np.float64).tiny)
    return bends


def _run(sharp: npt.NDArray[np.bool_], place: int) -> tuple[int, int]:
    """First and last of the places around ``place`` that are all sharp."""
    others = np.flatnonzero(~sharp)
    after = int(np.searchsorted(others, place))
    first = int(others[after - 1]) + 1 if after else 0
    last = int(others[after]) - 1 if after < len(others) else len(sharp) - 1
    return first, last
