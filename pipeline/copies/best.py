"""The best relation of each pair, in whichever of its views it was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipeline.copies.comparing import Relations
from pipeline.copies.pairs import Pairs

Ints = npt.NDArray[np.int64]
Compare = Callable[[Pairs], Relations]

_COMPARED = 1 << 11
"""Pairs given to ``compare`` in one go."""


def best_relations(pairs: Pairs, compare: Compare) -> tuple[Pairs, Relations]:
    """Each pair once, with its best relation in any view: the closest, then the nearest one.

    Views of a pair stand one after the other.
    """
    new = (np.diff(pairs.one, prepend=-1) != 0) | (np.diff(pairs.other, prepend=-1) != 0)
    pair = np.cumsum(new) - 1
    # All views of a pair at once, which ``compare`` knows how to choose from.
    cuts = np.flatnonzero(np.diff(pair // _COMPARED)) + 1
    found = [compare(pairs[part]) for part in slices(cuts, len(pairs))]
    what, how, distance = (
        np.concatenate([np.empty(0, np.int64), *(getattr(one, name) for one in found)])
        for name in ("what", "how", "distance")
    )
    order = np.lexsort((np.arange(len(pair)), distance, -what, pair))
    best = order[np.flatnonzero(np.diff(pair[order], prepend=-1))]
    return pairs[best], Relations(what[best], how[best], distance[best])


def slices(cuts: Ints, length: int) -> Iterator[slice]:
    """The parts between ascending cuts, empty ones left out."""
    for start, end in pairwise([0, *cuts.tolist(), length]):
        if start < end:
            yield slice(start, end)
