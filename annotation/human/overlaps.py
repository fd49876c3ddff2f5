"""How alike all votes are, each with each, in time that grows with the votes and not their pairs.

Sets that share c tags share each subset of these, so counting votes by the subsets of their sets
tells, by inclusion and exclusion, how many pairs of votes share how many tags. That is exact, and
quick for sets of a few tags; the few larger ones are compared with all others.
"""

from __future__ import annotations

from itertools import combinations
from math import comb, log2
from typing import Any

import numpy as np
import numpy.typing as npt

from annotation.human.tag_pairs import Ints
from annotation.human.tag_votes import masi_similarities

Counts = npt.NDArray[np.float64]

_MOST = 6
"""Tags of a set up to which its subsets (63) are counted."""
_CHUNK = 500


def total_similarity(sets: Any, votes: Ints) -> float:
    """MASI similarity summed over all ordered pairs of votes, each with itself among them.

    ``sets`` are distinct (sparse; sets x tags), ``votes`` says how many gave each.
    """
    size = np.diff(sets.indptr)
    # A subset must fit into a number.
    most = min(_MOST, int(62 / log2(sets.shape[1] + 1)))
    small = size <= most
    return (
        float(votes[size == 0].sum()) ** 2
        + _of_small(sets[small], votes[small], most)
        + _of_large(sets, votes, np.flatnonzero(~small))
    )


def _of_small(sets: Any, votes: Ints, most: int) -> float:
    """The sum over sets of at least one and at most so many tags."""
    containing = [_containing(sets, votes, tags, most) for tags in range(1, most + 1)]
    size, other = np.mgrid[: most + 1, : most + 1]
    total = 0.0
    for common in range(1, most + 1):
        sharing = sum(
            (-1) ** (tags - common) * comb(tags, common) * containing[tags - 1]
            for tags in range(common, most + 1)
        )
        similar = masi_similarities(common, size, other)
        similar[common, common] = 1
        total += float((sharing * similar)[common:, common:].sum())
    return total


def _containing(sets: Any, votes: Ints, tags: int, most: int) -> Counts:
    """By the sizes of both sets: pairs of votes, once for each subset of ``tags`` in both."""
    from scipy.sparse import csr_array

    size = np.diff(sets.indptr)
    subsets: list[Ints] = [np.empty(0, np.int64)]
    sizes: list[Ints] = [np.empty(0, np.int64)]
    counts: list[Counts] = [np.empty(0)]
    for wide in range(tags, most + 1):
        rows = np.flatnonzero(size == wide)
        members = sets.indices[sets.indptr[rows][:, None] + np.arange(wide)].astype(np.int64)
        for chosen in combinations(range(wide), tags):
            number = np.zeros(len(rows), dtype=np.int64)
            for column in chosen:
                number = number * sets.shape[1] + members[:, column]
            subsets.append(number)
            sizes.append(np.full(len(rows), wide))
            counts.append(votes[rows].astype(np.float64))
    distinct, subset = np.unique(np.concatenate(subsets), return_inverse=True)
    by_size = csr_array(
        (np.concatenate(counts), (subset, np.concatenate(sizes))), shape=(len(distinct), most + 1)
    )
    found: Counts = (by_size.T @ by_size).toarray()
    return found


def _of_large(sets: Any, votes: Ints, large: Ints) -> float:
    """The sum over pairs of which one set or both are large."""
    size, is_large = np.diff(sets.indptr), np.zeros(sets.shape[0], dtype=bool)
    is_large[large] = True
    total = 0.0
    for start in range(0, len(large), _CHUNK):
        rows = large[start : start + _CHUNK]
        shared = (sets[rows] @ sets.T).tocoo()
        row, other = rows[shared.row], shared.col
        similar = masi_similarities(shared.data, size[row], size[other])
        similar[row == other] = 1
        # A pair with a small set stands there once, and counts in both orders.
        times = np.where(is_large[other], 1, 2)
        total += float((similar * votes[row] * votes[other] * times).sum())
    return total
