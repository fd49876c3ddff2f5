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
Flags = npt.NDArray[np.bool_]

_BITS = 64
_MOST_AGREEING = 4
"""Bands that must agree at most; more of them take too many passes to pay."""
_AT_A_TIME = 1 << 24
"""Codes sorted in one go, which bounds what a pass takes beside the codes: about 800 MB."""
_LANE = 1 << 16
"""Codes compared in one go with those of their buckets, so that these stay in the caches."""
_HALF = np.uint64(32)
_UPPER = np.uint64(0xFFFFFFFF << 32)
_OTHERS = np.uint64(1 << 31)
"""Sorts what isn't own behind the own codes of its bucket."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""Spreads the shared bits over the upper half of a number; the lower half holds a code's place."""
_SORTED_CODES = 4
"""Pairs that could be compared in the time that it takes to sort one code."""


def near_pairs(codes: Codes, distance: int, own: Flags | None = None) -> tuple[Rows, Rows]:
    """Rows (i, j), i < j, of all pairs within ``distance`` bits, ordered by i, then j.

    ``codes`` are distinct. Where ``own`` is given, pairs count of which at least one is flagged:
    a picture's own code is to be found among windows of others, not windows among windows.

    Two codes that differ in at most d bits agree on at least k of d + k bands of bits, so only
    codes that share k bands are compared: with k = 2 or 3 few enough, for the bands together are
    wide, whereas buckets of a single band grow with the collection.
    """
    own = np.ones(len(codes), np.bool_) if own is None else own
    agreeing = _agreeing(int(own.sum()), len(codes), distance)
    masks = _bands(distance + agreeing) if agreeing else []
    found = [
        pairs
        for chosen in combinations(range(len(masks)), agreeing)
        for places in _partitions(codes, _shared(masks, chosen))
        for pairs in _sharing(codes[places], own[places], places, masks, chosen, distance)
    ]
    # A number for each pair takes half the memory, and sorts several times as quickly.
    every = np.concatenate([np.empty(0, np.uint64), *found])
    every.sort()
    return (every >> _HALF).astype(np.int64), (every & ~_UPPER).astype(np.int64)


def _agreeing(own: int, codes: int, distance: int) -> int:
    """How many bands must agree for the least work on evenly spread codes; 0 compares all."""

    def work(agreeing: int) -> float:
        bands = distance + agreeing
        if bands > _BITS:
            return np.inf
        shared = _BITS * agreeing / max(1, bands)
        compared = own * (codes - own / 2) / 2**shared
        return comb(bands, agreeing) * (codes * _SORTED_CODES + compared)

    return min(range(_MOST_AGREEING + 1), key=lambda agreeing: (work(agreeing), agreeing))


def _bands(count: int) -> list[np.uint64]:
    """Masks of bands of equal width, as far as possible, that make up all bits."""
    edges = np.linspace(0, _BITS, count + 1).astype(int).tolist()
    return [np.uint64((1 << high) - (1 << low)) for low, high in pairwise(edges)]


def _shared(masks: Sequence[np.uint64], chosen: Sequence[int]) -> np.uint64:
    return np.uint64(sum(int(masks[band]) for band in chosen))


def _partitions(codes: Codes, shared: np.uint64) -> Iterator[Rows | slice]:
    """Codes to sort in one go; what shares its bits stays together."""
    count = -(-len(codes) // _AT_A_TIME)
    if count <= 1:
        yield slice(None)
        return
    for number in range(count):
        found = []
        for start in range(0, len(codes), _AT_A_TIME):
            spread = (codes[start : start + _AT_A_TIME] & shared) * _SPREAD >> _HALF
            part = spread * np.uint64(count) >> _HALF
            found.append(start + np.flatnonzero(part == number))
        yield np.concatenate(found)


def _sharing(
    codes: Codes,
    own: Flags,
    places: Rows | slice,
    masks: Sequence[np.uint64],
    chosen: Sequence[int],
    distance: int,
) -> Iterator[Codes]:
    """Pairs within the distance whose first agreeing bands are the chosen ones, so each once:
    the lower place in a number's upper half, the higher one in its lower half."""
    shared = _shared(masks, chosen)
    order, first, following = _sorted(codes, own, shared)
    ordered, named = codes[order], order if isinstance(places, slice) else places[order]
    earlier = masks[: chosen[-1] + 1] if len(chosen) else ()
    for start in range(0, len(first), _LANE):
        lane = slice(start, start + _LANE)
        for one, other in _near(ordered, first[lane], following[lane], distance):
            differing = ordered[one] ^ ordered[other]
            agreed = np.zeros(len(one), dtype=np.int64)
            for mask in earlier:
                agreed += (differing & mask) == 0
            chosen_first = (agreed == len(chosen)) & (differing & shared == 0)
            pair = np.stack([named[one[chosen_first]], named[other[chosen_first]]])
            pair = np.sort(pair, axis=0).astype(np.uint64)
            yield pair[0] << _HALF | pair[1]


def _near(
    ordered: Codes, first: Rows, following: Rows, distance: int
) -> Iterator[tuple[Rows, Rows]]:
    """Pairs within the distance of a code at ``first`` and those ``following`` in its bucket."""
    # Those with most others first: who is left at each step then stands at the front.
    fullest = np.argsort(following)[::-1]
    here = first[fullest]
    mine, left = ordered[here], following[fullest][::-1]
    for step in range(1, int(left[-1]) + 1):
        count = len(left) - int(np.searchsorted(left, step))
        there = here[:count] + step
        bits = np.bitwise_count(mine[:count] ^ ordered[there])
        near = np.flatnonzero(bits <= distance)
        if len(near):
            yield here[near], there[near]


def _sorted(codes: Codes, own: Flags, shared: np.uint64) -> tuple[Rows, Rows, Rows]:
    """Places of codes by buckets, own ones first; where the own ones of buckets of several stand,
    and how many follow each."""
    # Sorting whole numbers is several times as quick as sorting places by them.
    buckets = codes & shared
    buckets *= _SPREAD
    buckets &= _UPPER
    buckets |= np.arange(len(codes), dtype=np.uint64)
    buckets |= np.where(own, np.uint64(0), _OTHERS)
    buckets.sort()
    order = (buckets & ~(_UPPER | _OTHERS)).astype(np.int64)
    mine = buckets & _OTHERS == 0
    buckets >>= _HALF
    goes_on = buckets[1:] == buckets[:-1]
    first = np.flatnonzero(mine[:-1] & goes_on)
    last = np.flatnonzero(np.append(~goes_on, True))
    following = last[np.searchsorted(last, first)] - first
    return order, first, following
