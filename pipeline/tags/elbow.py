"""Which number of clusters: the elbow of the inertia curve, and how clear it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Numbers whose height is within this share of the greatest are as good as the chosen one.
DEFENSIBLE = 0.05
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
    """The number farthest below the curve's chord; a clear elbow is ``clear_from`` high or more.

    Where no number stands out (a straight line), the largest is chosen: it has the least inertia.
    Raises ValueError where there is no number.
    """
    heights = chord_heights(ks, inertias)
    best = float(heights.max())
    k = max(k for k, height in zip(ks, heights, strict=True) if height >= best - _TIE)
    floor = best * (1 - DEFENSIBLE) - _TIE
    near = [k for k, height in zip(ks, heights, strict=True) if height >= floor]
    return Elbow(k, best, best > _TIE and best >= clear_from, min(near), max(near))


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


def candidates(smallest: int, largest: int, step: int) -> list[int]:
    """Numbers of the first, coarse pass: about forty, a multiple of ``step`` apart."""
    stride = coarse_stride(smallest, largest, step)
    return sorted({*range(smallest, largest + 1, stride), largest})


def refinement(around: int, smallest: int, largest: int, step: int) -> list[int]:
    """Numbers of the second pass: ``step`` apart, one coarse stride to either side."""
    stride = coarse_stride(smallest, largest, step)
    numbers = range(around - stride, around + stride + 1, step)
    return [k for k in numbers if smallest <= k <= largest]


def coarse_stride(smallest: int, largest: int, step: int, points: int = 40) -> int:
    """Distance between the numbers of the coarse pass."""
    return step * max(1, -(-(largest - smallest) // (points * step)))
