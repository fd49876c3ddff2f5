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

from dataclasses import dataclass

import numpy as np

from pipeline.training.arrays import Floats, Scores, Truth
from pipeline.training.contract import Scored

_LEAST, _MOST, _COUNTED = 0.05, 0.4, 20
"""A given tag counts where it scores below this share of the rows without it: as low as leaves so
many to count at the bound, since of hard stickers fewer rank that low than of wrong tags."""
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
    scored: Scored, bound: float, seed: int, *, voted: bool = True
) -> LabelNoise | None:
    """The estimate for rows that were scored out of sample; None for too few tags.

    ``bound`` is the share that it will be held against. The bootstrap resamples rows: tags of one
    row are right or wrong together.
    """
    ranks = _ranks(scored.scores, scored.truth)
    given = np.isfinite(ranks).sum(1)
    tags = int(given.sum())
    if tags < _AT_LEAST:
        return None
    lowest = min(_MOST, max(_LEAST, _COUNTED / (max(bound, 0.01) * tags)))
    low = (np.nan_to_num(ranks, nan=1.0) < lowest).sum(1)
    shares = []
    random = np.random.default_rng((seed, 3))
    for _ in range(_RESAMPLES):
        rows = random.integers(0, len(given), len(given))
        shares.append(low[rows].sum() / max(1, given[rows].sum()) / lowest)
    ends = np.minimum(np.percentile(shares, [2.5, 97.5]), 1).tolist()
    share = min(1.0, float(low.sum()) / tags / lowest)
    return LabelNoise(
        share, ends[0], ends[1], tags, int((given > 0).sum()), voted, _unlikely(scored, ranks)
    )


def _unlikely(scored: Scored, ranks: Floats) -> tuple[str, ...]:
    order = np.argsort(np.where(np.isfinite(ranks), ranks, np.inf), axis=None, kind="stable")
    places = zip(*np.unravel_index(order[:_NAMED], ranks.shape), strict=True)
    return tuple(f"{scored.ids[row]} ({scored.tags[tag]})" for row, tag in places)


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
