"""Agreement on single values: Krippendorff's alpha of names (nominal) and of points (interval).

Krippendorff, Content Analysis (2004), chapter 11.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.bootstrap import Interval, ratio_interval
from annotation.human.kappa import Units
from annotation.human.tag_pairs import count_rows
from pipeline.engine.columns import value_codes


def value_units(stickers: pa.ChunkedArray, values: pa.ChunkedArray) -> Counter[tuple[str, ...]]:
    """The values that each sticker got: how many stickers got just these.

    There is a row a vote; what is null or empty is no value.
    """
    given = pc.not_equal(pc.fill_null(values, ""), "")
    stickers, values = stickers.filter(given), values.filter(given)
    if not len(values):
        return Counter()
    distinct = pc.unique(values).sort()
    width = len(distinct)
    sticker = np.unique(value_codes(stickers), return_inverse=True)[1]
    place = pc.index_in(values, value_set=distinct).to_numpy()
    count = int(sticker.max()) + 1
    table = np.bincount(sticker * width + place, minlength=count * width).reshape(count, width)
    kinds, counts = count_rows(*table.T)
    names = distinct.to_pylist()
    units = (
        tuple(name for name, n in zip(names, kind, strict=True) for _ in range(n))
        for kind in kinds.tolist()
    )
    return Counter(dict(zip(units, counts.tolist(), strict=True)))


def nominal_alpha(units: Units) -> float | None:
    """Krippendorff's alpha of single values, such as the domain; None where undefined."""
    return _alpha(*_nominal(units))


def nominal_interval(units: Units, *, resamples: int = 1000, seed: int = 0) -> Interval | None:
    """95% bootstrap interval of ``nominal_alpha`` over units, as ``masi_interval`` draws it."""
    return _interval(*_nominal(units), resamples=resamples, seed=seed)


def scale_alpha(units: Units) -> float | None:
    """Krippendorff's alpha of points on a scale, with the interval metric (squared distance)."""
    return _alpha(*_squared(units))


def scale_interval(units: Units, *, resamples: int = 1000, seed: int = 0) -> Interval | None:
    """95% bootstrap interval of ``scale_alpha`` over units."""
    return _interval(*_squared(units), resamples=resamples, seed=seed)


Observed = Counter[tuple[float, float]]
"""Disagreement and votes of units with at least two votes: how many have these."""


def _alpha(observed: Observed, expected: float) -> float | None:
    if not expected:
        return None
    apart = sum(a * n for (a, _), n in observed.items())
    return 1 - apart / sum(b * n for (_, b), n in observed.items()) / expected


def _interval(observed: Observed, expected: float, *, resamples: int, seed: int) -> Interval | None:
    if not expected:
        return None
    low, high = ratio_interval(observed, resamples=resamples, seed=seed)
    return 1 - high / expected, 1 - low / expected


def _nominal(units: Units) -> tuple[Observed, float]:
    """Votes apart, and the disagreement that chance would bring."""
    total: Counter[str] = Counter()
    observed: Observed = Counter()
    for unit, count in sorted(units.items()):
        if (size := len(unit)) > 1:
            values = Counter(unit)
            total.update({value: n * count for value, n in values.items()})
            apart = (size**2 - sum(n * n for n in values.values())) / (size - 1)
            observed[round(apart, 12), float(size)] += count
    votes = total.total()
    differing = votes * votes - sum(n * n for n in total.values())
    return observed, differing / (votes * (votes - 1)) if differing else 0.0


def _squared(units: Units) -> tuple[Observed, float]:
    """Squared distances apart, and those that chance would bring."""
    observed: Observed = Counter()
    votes = sum_ = squares = 0
    for unit, count in sorted(units.items()):
        if (size := len(unit)) > 1:
            points = [int(value) for value in unit]
            own, square = sum(points), sum(point * point for point in points)
            observed[round(2 * (size * square - own * own) / (size - 1), 12), float(size)] += count
            votes, sum_, squares = (
                votes + size * count, sum_ + own * count, squares + square * count
            )  # fmt: skip
    differing = 2 * (votes * squares - sum_ * sum_)
    return observed, differing / (votes * (votes - 1)) if differing else 0.0
