"""95% bootstrap intervals over stickers, for figures that sum over stickers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]
_BLOCK = 100


def ratio_interval(
    units: Mapping[tuple[float, float], int], *, resamples: int, seed: int
) -> Interval:
    """Interval of sum(a) / sum(b) over resampled units; ``units`` counts each distinct (a, b)."""
    kinds = sorted(units)
    values = np.array(kinds, dtype=np.float64)
    drawn = draw_counts([units[kind] for kind in kinds], resamples=resamples, seed=seed)
    sums = [counts @ values for counts in drawn]
    ratios = np.concatenate([block[:, 0] / block[:, 1] for block in sums])
    return percentiles(ratios)


def draw_counts(counts: list[int], *, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """How often each distinct unit is drawn in each resample, some resamples at a time.

    Drawing counts of distinct units is drawing units with replacement, only much faster.
    """
    random = np.random.default_rng(seed)
    total = sum(counts)
    chances = np.array(counts, dtype=np.float64) / total
    for start in range(0, resamples, _BLOCK):
        yield random.multinomial(total, chances, min(_BLOCK, resamples - start))


def percentiles(figures: NDArray[np.float64]) -> Interval:
    """The middle 95% of the resampled figures."""
    low, high = np.percentile(figures, [2.5, 97.5])
    return float(low), float(high)
