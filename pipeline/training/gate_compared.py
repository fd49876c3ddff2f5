"""The real run beside its control, on the rows of one split."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline.training.arrays import Floats
from pipeline.training.contract import Judged
from pipeline.training.metrics import resample_counts

_RESAMPLES = 1000
_PERMUTATIONS = 499


@dataclass(frozen=True)
class Compared:
    """The ``figure`` of both runs on ``rows`` of a split; JSON-able.

    ``difference`` is real - control and ``interval`` its 95% bootstrap interval over those rows;
    ``real_interval`` is that of the real run alone. ``p_value`` is the share of permutations of
    the rows' truth by which the real run does as well as by their own, where it can be had.
    """

    figure: str
    rows: int
    real: float
    control: float
    difference: float
    interval: tuple[float, float]
    real_interval: tuple[float, float]
    p_value: float | None


def compare(real: Judged, control: Judged, rows: int, seed: int) -> Compared | None:
    """Both runs on the same rows; None where a figure is no number."""
    once = np.ones((1, rows))
    value, other = float(real.resample(once)[0]), float(control.resample(once)[0])
    if not math.isfinite(value - other):
        return None
    weights = resample_counts(rows, _RESAMPLES, seed)
    values = real.resample(weights)
    return Compared(
        figure=real.figure,
        rows=rows,
        real=value,
        control=other,
        difference=value - other,
        interval=_interval(values - control.resample(weights)),
        real_interval=_interval(values),
        p_value=_p_value(real, rows, value, seed),
    )


def falls_by(one: Judged, rows: int, other: Judged, other_rows: int, seed: int) -> float:
    """By how much the other figure is lower at least, in 99 of 100 resamples of both."""
    ones = one.resample(resample_counts(rows, _RESAMPLES, seed))
    others = other.resample(resample_counts(other_rows, _RESAMPLES, seed + 1))
    return float(np.nanpercentile(ones - others, 1))


def _interval(values: Floats) -> tuple[float, float]:
    low, high = (float(bound) for bound in np.nanpercentile(values, [2.5, 97.5]))
    return low, high


def _p_value(real: Judged, rows: int, value: float, seed: int) -> float | None:
    """How likely scores that know nothing of the truth are as good as ``value``."""
    if real.permute is None:
        return None
    random = np.random.default_rng((seed, 2))
    orders = np.stack([random.permutation(rows) for _ in range(_PERMUTATIONS)])
    as_good = real.permute(orders) >= value
    return float((1 + as_good.sum()) / (1 + _PERMUTATIONS))
