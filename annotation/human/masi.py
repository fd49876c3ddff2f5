"""Krippendorff's alpha of tag sets with MASI distance.

Krippendorff, Content Analysis (2004), chapter 11; Passonneau, "Measuring Agreement on Set-valued
Items" (LREC 2006) for MASI, with its thirds (nltk before 3.10 rounded them to .67 and .33).
Figures equal nltk's `AnnotationTask(distance=masi_distance)` where that is defined; here two
empty sets agree, and missing votes are no disagreement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from annotation.human.bootstrap import Interval, counted, ratio_interval
from annotation.human.votes import TagSet

_CHUNK = 2000


def masi_distance(first: TagSet, second: TagSet) -> float:
    """1 minus Jaccard similarity times monotonicity (1 equal, 2/3 subset, 1/3 overlap, 0)."""
    if first == second:
        return 0.0
    common = len(first & second)
    if not common:
        return 1.0
    monotonicity = 2 / 3 if common == min(len(first), len(second)) else 1 / 3
    return 1 - common / len(first | second) * monotonicity


def masi_alpha(units: Sequence[Sequence[TagSet]]) -> float | None:
    """Krippendorff's alpha of the tag sets given to each sticker (a unit).

    Units with fewer than two votes tell nothing and are left out. None when nothing is left, or
    when all votes are equal, so that no disagreement could have been expected.
    """
    expected = _expected(units)
    if not expected:
        return None
    observed = _observed(units)
    return 1 - sum(a for a, _ in observed) / sum(b for _, b in observed) / expected


def masi_interval(
    units: Sequence[Sequence[TagSet]], *, resamples: int = 1000, seed: int = 0
) -> Interval | None:
    """95% bootstrap interval of ``masi_alpha`` over units.

    The expected disagreement is held fixed, as Hayes and Krippendorff (2007) do.
    """
    expected = _expected(units)
    if not expected:
        return None
    low, high = ratio_interval(counted(_observed(units)), resamples=resamples, seed=seed)
    return 1 - high / expected, 1 - low / expected


def _observed(units: Sequence[Sequence[TagSet]]) -> list[tuple[float, float]]:
    """Mean distance times votes, and votes, of each unit that has at least two votes."""
    found = []
    for unit in units:
        if len(unit) > 1:
            pairs = len(unit) * (len(unit) - 1) / 2
            apart = sum(masi_distance(first, second) for first, second in combinations(unit, 2))
            found.append((apart / pairs * len(unit), float(len(unit))))
    return found


def _expected(units: Sequence[Sequence[TagSet]]) -> float:
    """Mean distance between any two votes of any units; 0 when there are no two that differ.

    Only sets that share a tag are nearer than 1, so the sparse product of sets and tags finds
    all pairs that matter, over distinct sets instead of votes.
    """
    from scipy.sparse import csr_matrix

    counts = Counter(chosen for unit in units if len(unit) > 1 for chosen in unit)
    votes = sum(counts.values())
    if len(counts) < 2:
        return 0.0
    distinct = sorted(counts, key=sorted)
    column = {
        tag: i for i, tag in enumerate(sorted({tag for chosen in distinct for tag in chosen}))
    }
    size = np.array([len(chosen) for chosen in distinct])
    weight = np.array([counts[chosen] for chosen in distinct], dtype=np.float64)
    columns = [column[tag] for chosen in distinct for tag in sorted(chosen)]
    starts = np.concatenate([[0], np.cumsum(size)])
    has = csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(distinct), len(column)))
    # Each set equals itself, the empty one too, which shares no tag with itself.
    similar = float((weight**2).sum())
    for start in range(0, len(distinct), _CHUNK):
        shared = (has[start : start + _CHUNK] @ has.T).tocoo()
        row, other, common = shared.row + start, shared.col, shared.data
        differ = row != other
        row, other, common = row[differ], other[differ], common[differ]
        monotonicity = np.where(common == np.minimum(size[row], size[other]), 2 / 3, 1 / 3)
        jaccard = common / (size[row] + size[other] - common)
        similar += float((jaccard * monotonicity * weight[row] * weight[other]).sum())
    return 1 - (similar - votes) / (votes * (votes - 1))
