"""Confidence intervals of a share of a finite population, from a stratified sample of it.

The interval holds every total that the sample doesn't refute: with K of N stickers to be dropped,
and whichever way they are spread over the strata, the weighted count of the sample would be as
large (or as small) with a probability above (1 - confidence) / 2. Counts of a stratum are
hypergeometric, so the interval is exact in small populations, has no width where all were asked,
and covers with at least the asked confidence, on average more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SPREADS = 101
"""Ways of spreading a total over two strata that are tried; the probability is smooth in them."""
_TIE = 1e-9


@dataclass(frozen=True)
class Stratum:
    """A part of a population: its size, how many were drawn at random, how many of those count."""

    size: int
    drawn: int
    counted: int

    def __post_init__(self) -> None:
        if not 0 <= self.counted <= self.drawn <= self.size:
            raise ValueError(f"{self.counted} of {self.drawn} drawn of {self.size}")


def estimated_share(strata: Sequence[Stratum]) -> float | None:
    """The share that counts, each stratum weighted by its size.

    None where of a stratum nothing was drawn: the rest alone says nothing of the whole.
    """
    some = [stratum for stratum in strata if stratum.size]
    if not some or not all(stratum.drawn for stratum in some):
        return None
    return sum(one.size * one.counted / one.drawn for one in some) / sum(one.size for one in some)


def share_interval(strata: Sequence[Stratum], confidence: float = 0.95) -> tuple[float, float]:
    """Lower and upper limit of the share; (0, 1) where nothing was drawn.

    At most two strata that have any stickers; ValueError for more.
    """
    some = [stratum for stratum in strata if stratum.size]
    if len(some) > 2:
        raise ValueError("intervals are made for two strata at most")
    if not some:
        return 0.0, 1.0
    one, other = (*some, Stratum(0, 0, 0))[:2]
    total, tail = one.size + other.size, (1 - confidence) / 2
    known = one.counted + other.counted
    most = total - (one.drawn - one.counted) - (other.drawn - other.counted)
    low = _first(known, most, lambda k: _tail(one, other, k, upper=True) > tail)
    # Counted from above: what doesn't count is as likely to be seen as rarely.
    high = most - _first(0, most - known, lambda k: _tail(one, other, most - k, upper=False) > tail)
    return low / total, high / total


def joined_interval(strata: Sequence[Stratum], confidence: float = 0.95) -> tuple[float, float]:
    """The same for any number of strata: those of each two cover together (Bonferroni)."""
    some = [stratum for stratum in strata if stratum.size]
    if len(some) <= 2:
        return share_interval(some, confidence)
    pairs = [some[start : start + 2] for start in range(0, len(some), 2)]
    total = sum(stratum.size for stratum in some)
    low = high = 0.0
    for pair in pairs:
        limits = share_interval(pair, 1 - (1 - confidence) / len(pairs))
        size = sum(stratum.size for stratum in pair) / total
        low, high = low + size * limits[0], high + size * limits[1]
    return low, min(1.0, high)


def _first(start: int, end: int, holds: Callable[[int], bool]) -> int:
    """The smallest number for which it holds, which it does from there on; ``end`` at the last."""
    while start < end:
        middle = (start + end) // 2
        if holds(middle):
            end = middle
        else:
            start = middle + 1
    return start


def _tail(one: Stratum, other: Stratum, total: int, *, upper: bool) -> float:
    """The largest probability, over the spreads of ``total``, of a count as extreme as the seen."""
    least, most = max(0, total - other.size), min(total, one.size)
    spread = np.unique(np.linspace(least, most, min(_SPREADS, most - least + 1)).round())
    of_one = spread.astype(np.int64)
    first, second = _probabilities(one, of_one), _probabilities(other, total - of_one)
    weights = [s.size / s.drawn if s.drawn else 0.0 for s in (one, other)]
    seen = weights[0] * one.counted + weights[1] * other.counted
    counts = np.arange(one.drawn + 1)
    if not other.drawn:
        extreme = counts >= one.counted if upper else counts <= one.counted
        return float((first * extreme).sum(axis=1).max())
    needed = (seen - weights[0] * counts) / weights[1]
    upto = np.cumsum(second, axis=1)
    upto = np.concatenate([np.zeros((len(upto), 1)), upto], axis=1)  # below 0, 1, 2, ... counts
    if upper:
        bar = np.clip(np.ceil(needed - _TIE), 0, other.drawn + 1).astype(np.int64)
        beyond = upto[:, -1:] - upto[:, bar]
    else:
        bar = np.clip(np.floor(needed + _TIE) + 1, 0, other.drawn + 1).astype(np.int64)
        beyond = upto[:, bar]
    return float((first * beyond).sum(axis=1).max())


def _probabilities(stratum: Stratum, totals: Ints) -> Floats:
    """Of each count in the sample, for each total of the stratum; shape (totals, drawn + 1)."""
    counts = np.arange(stratum.drawn + 1)[None]
    of = totals[:, None]
    left = stratum.size - of
    possible = (counts <= of) & (stratum.drawn - counts <= left)
    logs = (
        _choices(of, counts)
        + _choices(left, stratum.drawn - counts)
        - _choices(np.array(stratum.size), np.array(stratum.drawn))
    )
    found: Floats = np.where(possible, np.exp(np.where(possible, logs, 0.0)), 0.0)
    return found


def _choices(size: Ints, chosen: Ints) -> Floats:
    """Logarithm of the binomial coefficient; what isn't possible is to be left out after."""
    rest = np.maximum(size - chosen, 0)
    logs: Floats = gammaln(size + 1) - gammaln(chosen + 1) - gammaln(rest + 1)
    return logs
