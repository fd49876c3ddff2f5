"""How many given tags belong to other rows, by scores of models that never saw these rows.

Confident learning (Northcutt, Jiang and Chuang, 2021, section 3) counts rows of which a model, out
of sample, is surer of another class than of the given one, by a threshold for each class. Its
counts need a model that knows what it is sure of: a small network on a few hundred stickers
confuses so many that clean tags seem as wrong as permuted ones. So here, too, scores are out of
sample and each tag has a threshold of its own, but a given tag counts as wrong only where its
score is no higher than those of rows without that tag: hard stickers still rank above most of
them, whereas a tag of another row stands anywhere, in as many cases below each share of them as
that share says (as Storey, 2002, estimates what is null among p-values).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.training.arrays import Floats, Scores, Truth
from pipeline.training.contract import Scored

_BELOW = np.array([0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
"""A given tag counts where it scores below one of these shares of the rows without it."""
_COUNTED, _ALWAYS = 10, 0.4
"""So many wrong tags must count below a share at the bound, but that from _ALWAYS on any serves."""
_RESAMPLES = 1000
_NAMED = 20
_AT_LEAST = 30
"""Given tags below which no share is told."""


@dataclass(frozen=True)
class LabelNoise:
    """Estimated share of given tags that belong to other rows, with its 95% bootstrap interval.

    ``tags`` were given on ``rows`` rows, of which people ``voted`` on most or not; the most
    ``unlikely`` are named. It is an upper estimate: what a model can't learn counts, too.
    """

    share: float
    low: float
    high: float
    tags: int
    rows: int
    voted: bool
    unlikely: tuple[str, ...] = ()


def estimate_noise(
    parts: Sequence[Scored], bound: float, seed: int, *, voted: bool = True
) -> LabelNoise | None:
    """The estimate for rows of one or more splits, scored out of sample; None for too few tags.

    ``bound`` is the share that it will be held against. The bootstrap resamples rows: tags of one
    row are right or wrong together.
    """
    found = [_ranks(part.scores, part.truth) for part in parts]
    ranks = np.concatenate(found)
    given = np.isfinite(ranks).sum(1)
    tags = int(given.sum())
    if tags < _AT_LEAST:
        return None
    least = min(_ALWAYS, _COUNTED / (max(bound, 0.01) * tags))
    below = _BELOW[least <= _BELOW]
    low = np.stack([(np.nan_to_num(ranks, nan=1.0) < share).sum(1) for share in below], axis=1)
    shares = low.sum(0) / tags / below
    resampled = _resampled(given, low, seed) / below
    chosen = _least_wrong(shares, resampled)
    ends = np.minimum(np.percentile(resampled[:, chosen], [2.5, 97.5]), 1).tolist()
    share = min(1.0, float(shares[chosen]))
    unlikely = _unlikely(parts, found)
    return LabelNoise(share, ends[0], ends[1], tags, int((given > 0).sum()), voted, unlikely)


def _resampled(given: NDArray[np.int64], low: NDArray[np.int64], seed: int) -> Floats:
    """Low tags per given one for each resample of the rows, resamples x shares."""
    # Rows that count alike are drawn together: a few kinds instead of many thousand rows.
    rows = np.column_stack([given, low])
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    random = np.random.default_rng((seed, 3))
    sums = random.multinomial(len(rows), counts / len(rows), _RESAMPLES) @ kinds
    found: Floats = sums[:, 1:] / np.maximum(1, sums[:, :1])
    return found


def _least_wrong(shares: Floats, resampled: Floats) -> int:
    """Which estimate errs least: by its spread, and by how far above the lowest it surely lies."""
    lowest = int(shares.argmin())
    chance = (resampled - resampled[:, [lowest]]).var(0)
    above = (shares - shares[lowest]) ** 2 - 2 * chance  # the lowest of many is low by luck, too
    return int((resampled.var(0) + np.maximum(0, above)).argmin())


def _unlikely(parts: Sequence[Scored], ranks: Sequence[Floats]) -> tuple[str, ...]:
    found = []
    for part, own in zip(parts, ranks, strict=True):
        order = np.argsort(np.where(np.isfinite(own), own, np.inf), axis=None, kind="stable")
        some = order[: min(_NAMED, int(np.isfinite(own).sum()))]
        for row, tag in zip(*np.unravel_index(some, own.shape), strict=True):
            found.append((float(own[row, tag]), f"{part.ids[row]} ({part.tags[tag]})"))
    return tuple(name for _, name in sorted(found, key=lambda one: one[0])[:_NAMED])


def _ranks(scores: Scores, truth: Truth) -> Floats:
    """Of each given tag, the share of the rows without it that score lower; NaN elsewhere."""
    ranks = np.full(truth.shape, np.nan)
    for tag in np.flatnonzero(truth.any(0) & ~truth.all(0)):
        has = truth[:, tag]
        others, mine = np.sort(scores[~has, tag]), scores[has, tag]
        # Of equal scores half stand below.
        both = np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")
        ranks[has, tag] = both / (2 * len(others))
    return ranks
