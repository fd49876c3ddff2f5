"""Which perceptual hashes are alike: all pairs within a Hamming distance, found exactly.

``near_pairs`` is the whole interface; another index (faiss ``IndexBinaryMultiHash``, say) can
take its place when collections outgrow this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

_BLOCK = 1 << 22
"""Pairs compared at a time: 32 MB of 64-bit codes."""
_BRUTE = 2048
"""Codes up to which comparing all pairs is the quickest."""
_MOST_BANDS = 9
"""Beyond, bands are so narrow that nearly all pairs share one."""


def near_pairs(codes: Codes, distance: int) -> tuple[Rows, Rows]:
    """Rows (i, j), i < j, of all pairs within ``distance`` bits, ordered by i, then j.

    ``codes`` are distinct. Two codes that differ in at most d bits agree on at least one of d + 1
    bands of bits, so only codes that share a band are compared.
    """
    rows = np.arange(len(codes), dtype=np.int64)
    if len(codes) <= _BRUTE or distance + 1 > _MOST_BANDS:
        found = list(_compare(codes, rows, distance))
    else:
        found = []
        edges = np.linspace(0, 64, distance + 2).astype(np.int64)
        for low, high in pairwise(edges.tolist()):
            band = codes >> np.uint64(low) & np.uint64((1 << (high - low)) - 1)
            order = np.argsort(band, kind="stable")
            starts = np.flatnonzero(np.diff(band[order])) + 1
            for bucket in np.split(order, starts):
                found.extend(_compare(codes, bucket, distance))
    # A pair may share several bands.
    keys = np.unique(np.concatenate([np.empty(0, np.int64), *found]))
    return keys // max(1, len(codes)), keys % max(1, len(codes))


def _compare(codes: Codes, rows: Rows, distance: int) -> Iterator[Rows]:
    """Keys i * len(codes) + j of the pairs among ``rows`` (ascending) within the distance."""
    height = max(1, _BLOCK // max(1, len(rows)))
    for start in range(0, len(rows) - 1, height):
        upper = rows[start : start + height]
        lower = rows[start:]
        bits = np.bitwise_count(codes[upper, None] ^ codes[None, lower])
        i, j = np.nonzero(bits <= distance)
        later = j > i
        yield upper[i[later]] * len(codes) + lower[j[later]]
