"""Groups of stickers that no split may separate."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]
Links = tuple[Ints, Ints]
"""Rows of stickers, and the number of the key that each of them shares with others."""


def connected_groups(ids: pa.ChunkedArray, rows: Ints, links: Iterable[Links]) -> Ints:
    """Group of each of ``rows``: those that share a key, directly or through others, are one.

    A group is told by its row with the smallest of ``ids``; links may run through rows that are
    not among ``rows``. Keys are numbered from 0 for each of ``links``, whose order, like that
    within them, changes nothing.
    """
    nodes = len(ids)
    ones: list[Ints] = [np.empty(0, np.int64)]
    others: list[Ints] = [np.empty(0, np.int64)]
    for stickers, keys in links:
        ones.append(stickers)
        # A key is a node like any other.
        others.append(keys + nodes)
        nodes += int(keys.max(initial=-1)) + 1
    edges = np.concatenate(ones), np.concatenate(others)
    graph = coo_array((np.ones(len(edges[0]), np.int8), edges), shape=(nodes, nodes))
    _, label = connected_components(graph, directed=False)
    label = label[rows]
    named: Ints = np.empty(nodes, np.int64)
    named[label] = rows
    # Most stickers are alone, and sorting ids is most of the work.
    shared = np.flatnonzero(np.bincount(label, minlength=1)[label] > 1)
    by_id = shared[pc.sort_indices(ids.take(pa.array(rows[shared]))).to_numpy()]
    labels, first = np.unique(label[by_id], return_index=True)
    named[labels] = rows[by_id[first]]
    groups: Ints = named[label]
    return groups
