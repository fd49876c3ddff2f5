"""Which perceptual hashes are alike: all pairs within a Hamming distance, found exactly.

``near_pairs`` is the whole interface; another index (faiss ``IndexBinaryMultiHash``, say) can
take its place when collections outgrow this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from math import comb

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

_BITS = 64
_MOST_AGREEING = 4
"""Bands that must agree at most; more of them take too many passes to pay."""
_UPPER = np.uint64(0xFFFFFFFF << 32)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""Spreads the shared bits over the upper half of a number; the lower half holds a code's place."""
_SORTED_CODES = 8
"""Pairs that could be compared in the time that it takes to sort one code."""


def near_pairs(codes: Codes, distance: int) -> tuple[Rows, Rows]:
    """Rows (i, j), i < j, of all pairs within ``distance`` bits, ordered by i, then j.

    ``codes`` are distinct. Two codes that differ in at most d bits agree on at least k of d + k
    bands of bits, so only codes that share k bands are compared: with k = 2 or 3 few enough, for
    the bands together are wide, whereas buckets of a single band grow with the collection.
    """
    agreeing = _agreeing(len(codes), distance)
    masks = _bands(distance + agreeing) if agreeing else []
    found = [
        pairs
        for chosen in combinations(range(len(masks)), agreeing)
        for pairs in _sharing(codes, masks, chosen, distance)
    ]
    rows = np.concatenate([np.empty((2, 0), np.int64), *found], axis=1)
    upper, lower = np.sort(rows[:, np.lexsort((rows.max(axis=0), rows.min(axis=0)))], axis=0)
    return upper, lower


def _agreeing(codes: int, distance: int) -> int:
    """How many bands must agree for the least work on evenly spread codes; 0 compares all."""

    def work(agreeing: int) -> float:
        bands = distance + agreeing
        if bands > _BITS:
            return np.inf
        shared = _BITS * agreeing / max(1, bands)
        return comb(bands, agreeing) * (codes * _SORTED_CODES + codes * codes / 2**shared / 2)

    return min(range(_MOST_AGREEING + 1), key=lambda agreeing: (work(agreeing), agreeing))


def _bands(count: int) -> list[np.uint64]:
    """Masks of bands of equal width, as far as possible, that make up all bits."""
    edges = np.linspace(0, _BITS, count + 1).astype(int).tolist()
    return [np.uint64((1 << high) - (1 << low)) for low, high in pairwise(edges)]


def _sharing(
    codes: Codes, masks: Sequence[np.uint64], chosen: Sequence[int], distance: int
) -> Iterator[Rows]:
    """Pairs within the distance whose first agreeing bands are the chosen ones, so each once."""
    shared = np.bitwise_or.reduce([masks[band] for band in chosen], dtype=np.uint64)
    # Sorting whole numbers is several times as quick as sorting places by them.
    buckets = ((codes & shared) * _SPREAD & _UPPER) | np.arange(len(codes), dtype=np.uint64)
    buckets.sort()
    order = (buckets & ~_UPPER).astype(np.int64)
    ordered = codes[order]
    ends = np.append(np.flatnonzero(np.diff(buckets & _UPPER)) + 1, len(codes))
    ends = np.repeat(ends, np.diff(ends, prepend=0))
    earlier = masks[: chosen[-1] + 1] if len(chosen) else ()
    here, step = np.arange(len(codes)), 1
    # All codes against the next one of their bucket, then against the one after, and so on.
    while len(here := here[here + step < ends[here]]):
        differing = ordered[here] ^ ordered[here + step]
        near = np.flatnonzero((np.bitwise_count(differing) <= distance) & (differing & shared == 0))
        agreed = np.zeros(len(near), dtype=np.int64)
        for mask in earlier:
            agreed += (differing[near] & mask) == 0
        near = near[agreed == len(chosen)]
        yield np.stack([order[here[near]], order[here[near] + step]])
        step += 1
