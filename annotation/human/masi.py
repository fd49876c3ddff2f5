"""Krippendorff's alpha of tag sets with MASI distance.

Krippendorff, Content Analysis (2004), chapter 11; Passonneau, "Measuring Agreement on Set-valued
Items" (LREC 2006) for MASI, with its thirds (nltk before 3.10 rounded them to .67 and .33).
Figures equal nltk's `AnnotationTask(distance=masi_distance)` where that is defined; here two
empty sets agree, and missing votes are no disagreement.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from annotation.human.bootstrap import Interval, ratio_interval
from annotation.human.overlaps import total_similarity
from annotation.human.tag_pairs import count_rows
from annotation.human.tag_votes import TagVotes
from annotation.human.votes import TagSet


def masi_distance(first: TagSet, second: TagSet) -> float:
    """1 minus Jaccard similarity times monotonicity (1 equal, 2/3 subset, 1/3 overlap, 0)."""
    if first == second:
        return 0.0
    common = len(first & second)
    if not common:
        return 1.0
    monotonicity = 2 / 3 if common == min(len(first), len(second)) else 1 / 3
    return 1 - common / len(first | second) * monotonicity


def masi_alpha(votes: TagVotes) -> float | None:
    """Krippendorff's alpha of the tag sets given to each sticker (a unit).

    Units with fewer than two votes tell nothing and are left out. None when nothing is left, or
    when all votes are equal, so that no disagreement could have been expected.
    """
    expected = _expected(votes)
    if not expected:
        return None
    observed = _observed(votes)
    apart = sum(a * n for (a, _), n in sorted(observed.items()))
    return 1 - apart / sum(b * n for (_, b), n in observed.items()) / expected


def masi_interval(votes: TagVotes, *, resamples: int = 1000, seed: int = 0) -> Interval | None:
    """95% bootstrap interval of ``masi_alpha`` over units.

    The expected disagreement is held fixed, as Hayes and Krippendorff (2007) do.
    """
    expected = _expected(votes)
    if not expected:
        return None
    low, high = ratio_interval(_observed(votes), resamples=resamples, seed=seed)
    return 1 - high / expected, 1 - low / expected


def _observed(votes: TagVotes) -> Counter[tuple[float, float]]:
    """Mean distance times votes, and votes, of units with at least two votes: how many have it."""
    one, other = votes.pairs()
    given = votes.given
    apart = np.bincount(
        votes.sticker[one], weights=votes.distances(one, other), minlength=len(given)
    )
    units = np.flatnonzero(given > 1)
    size = given[units].astype(np.float64)
    # Rounded, since sums in another order differ in their last digits.
    mean = np.round(apart[units] / (size * (size - 1) / 2) * size, 12)
    kinds, counts = count_rows(mean, size)
    return Counter(dict(zip(map(tuple, kinds.tolist()), counts.tolist(), strict=True)))


def _expected(votes: TagVotes) -> float:
    """Mean distance between any two votes of any units; 0 when there are no two that differ."""
    counts = np.bincount(votes.chosen[votes.paired], minlength=votes.sets.shape[0])
    total = int(counts.sum())
    if np.count_nonzero(counts) < 2:
        return 0.0
    return 1 - (total_similarity(votes.sets, counts) - total) / (total * (total - 1))
