"""Fleiss' kappa of single values, such as the domain (Fleiss 1971)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.human.bootstrap import Interval, draw_counts, percentiles

Units = Mapping[tuple[str, ...], int]
"""How many stickers got just these values, one a vote, in any order."""


@dataclass(frozen=True)
class Kappa:
    """Fleiss' kappa of the units with exactly ``votes`` votes each.

    ``units`` are in, ``left_out`` have votes but another number of them. ``kappa`` is None when
    there are no units, or when all votes are equal, so that chance alone would agree fully.
    """

    kappa: float | None
    interval: Interval | None
    votes: int
    units: int
    left_out: int


def fleiss_kappa(units: Units, *, resamples: int = 1000, seed: int = 0) -> Kappa:
    """Kappa of the units with the most common number of votes, and its 95% bootstrap interval.

    Where two numbers are equally common, the larger one is taken.
    """
    sizes: Counter[int] = Counter()
    for unit, count in units.items():
        sizes[len(unit)] += count if unit else 0
    paired = {size: count for size, count in sizes.items() if size > 1}
    if not paired:
        return Kappa(None, None, 0, 0, sizes.total())
    votes = max(paired, key=lambda size: (paired[size], size))
    chosen = {unit: count for unit, count in units.items() if len(unit) == votes}
    values = sorted({value for unit in chosen for value in unit})
    kinds: Counter[tuple[int, ...]] = Counter()
    for unit, count in chosen.items():
        kinds[tuple(unit.count(value) for value in values)] += count
    distinct = sorted(kinds)
    table = np.array(distinct, dtype=np.float64)
    counts = [kinds[kind] for kind in distinct]
    left_out = sizes.total() - paired[votes]
    (kappa,) = _kappas(np.array([counts]), table)
    if np.isnan(kappa):
        return Kappa(None, None, votes, paired[votes], left_out)
    drawn = draw_counts(counts, resamples=resamples, seed=seed)
    figures = np.concatenate([_kappas(block, table) for block in drawn])
    # A resample of nothing but equal votes has no kappa.
    interval = percentiles(figures[~np.isnan(figures)])
    return Kappa(float(kappa), interval, votes, paired[votes], left_out)


def _kappas(counts: NDArray[np.int64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kappa of each row of ``counts``, which says how often each row of ``table`` occurs.

    ``table`` has a row for each distinct unit and a column for each value: votes for it.
    """
    votes = table[0].sum()
    units = counts.sum(axis=1)
    within = ((table**2).sum(axis=1) - votes) / (votes * (votes - 1))
    agreement = counts @ within / units
    chance = ((counts @ table / (units * votes)[:, None]) ** 2).sum(axis=1)
    possible = 1 - chance
    # Shares of a single value may sum to a hair less than 1.
    possible[possible < 1e-12] = np.nan
    found: NDArray[np.float64] = (agreement - chance) / possible
    return found
