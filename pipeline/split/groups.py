"""Groups of stickers that no split may separate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.engine.stage import Reader
from pipeline.split.edges import read_edges, read_keys

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Links = tuple[Ints, Ints]
"""Rows of stickers, and the number of the key that each of them shares with others."""


def read_groups(
    reader: Reader, ids: pa.ChunkedArray, released: Flags, bound: Flags, *, packs: bool
) -> Ints:
    """Group of each sticker that is released, or bound by an earlier release: the row that tells
    it; -1 for all others. With ``packs``, released stickers of one pack are one group too."""
    group = np.full(len(ids), -1)
    rows = np.flatnonzero(released | bound)
    group[rows] = connected_groups(ids, rows, _links(reader, ids, released, packs))
    return group


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


def _links(
    reader: Reader, ids: pa.ChunkedArray, released: Flags, packs: bool
) -> Iterator[tuple[Ints, Ints]]:
    # Dropped near-duplicates count: two stickers may be related through one of them.
    for column in ("group", "template_id"):
        edges = read_keys(reader, "duplicates", (column,), ids)
        yield edges.rows, edges.keys
    if packs:
        # Dropped stickers don't count here: one blank image would tie a hundred packs.
        edges = read_edges(reader, "pack", ids).among(released)
        yield edges.rows, edges.keys
