"""What could leak from one split into another, counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nsmallest

import numpy as np
import pyarrow as pa

from pipeline.engine.stage import Reader
from pipeline.split.edges import EDGES, Edges, Ints, read_edges

EXAMPLES = 5


@dataclass(frozen=True)
class SplitLeak:
    """Related stickers found in more than one split, for one kind of edge.

    ``shared`` keys relate at least two stickers of the release; ``leaking`` of them lie in
    more than one split, with ``rows`` stickers together. ``examples`` are the worst keys.
    """

    kind: str
    shared: int
    leaking: int
    rows: int
    examples: tuple[str, ...]


def find_split_leaks(reader: Reader, ids: pa.ChunkedArray, splits: Ints) -> Iterator[SplitLeak]:
    """Check an assignment kind by kind: the split of each sticker, -1 where it has none.

    ``ids`` are those of all stickers, a chunk for each block.
    """
    for kind in sorted(EDGES):
        yield leak(kind, read_edges(reader, kind, ids), splits)


def leak(kind: str, edges: Edges, splits: Ints) -> SplitLeak:
    """Count the keys that lie in more than one of ``splits`` (by row; -1 is none)."""
    edges = edges.among(splits >= 0)
    count, split = len(edges.names), splits[edges.rows]
    stickers = np.bincount(edges.keys, minlength=count)
    lowest, highest = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(lowest, edges.keys, split)
    np.maximum.at(highest, edges.keys, split)
    across = lowest < highest
    return SplitLeak(
        kind=kind,
        shared=int((stickers > 1).sum()),
        leaking=int(across.sum()),
        rows=len(np.unique(edges.rows[across[edges.keys]])),
        examples=_worst(edges.names, np.where(across, stickers, 0)),
    )


def _worst(names: pa.Array, stickers: Ints) -> tuple[str, ...]:
    """Names of those with most stickers, of equals the first by name; none without stickers."""
    least = np.sort(stickers)[-EXAMPLES:].min(initial=np.iinfo(np.int64).max)
    chosen = np.flatnonzero(stickers >= max(1, least))
    named = zip((-stickers[chosen]).tolist(), names.take(pa.array(chosen)).to_pylist(), strict=True)
    return tuple(name for _, name in nsmallest(EXAMPLES, named))
