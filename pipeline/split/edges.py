"""What relates stickers: keys that they share, such as a pack or a template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Reader

Ints = npt.NDArray[np.int64]

EDGES = {
    "author": ("observations", ("source", "author")),
    "media_url": ("observations", ("media_url",)),
    "pack": ("observations", ("source", "pack_id", "pack_title")),
    "page_url": ("observations", ("page_url",)),
    "pixels": ("signals", ("pixel_sha256",)),
    "template": ("duplicates", ("template_id",)),
}
"""By kind of edge: the table and columns that give a sticker its keys.

Stickers with the same key are related; packs and authors are told apart by source.
"""


@dataclass(frozen=True)
class Edges:
    """Stickers (``rows`` counted over all shards) and the keys that they have, each pair once.

    ``keys`` are places in ``names``.
    """

    rows: Ints
    keys: Ints
    names: pa.Array

    def among(self, chosen: npt.NDArray[np.bool_]) -> Edges:
        """The edges of chosen rows."""
        here = chosen[self.rows]
        return Edges(self.rows[here], self.keys[here], self.names)


def number_keys(rows: Sequence[Ints], keys: Sequence[pa.Array]) -> Edges:
    """Edges of rows and the keys beside them, numbered as they come."""
    # Addresses of millions of stickers are more than the 2 GiB that a plain column holds.
    numbered = pa.chunked_array([key.cast(pa.large_string()) for key in keys], pa.large_string())
    numbered = numbered.dictionary_encode().combine_chunks()
    width = max(1, len(numbered.dictionary))
    every = np.concatenate([np.empty(0, np.int64), *rows])
    pairs = np.unique(every * width + numbered.indices.to_numpy())
    return Edges(pairs // width, pairs % width, numbered.dictionary)


def read_edges(reader: Reader, kind: str, ids: pa.ChunkedArray) -> Edges:
    """Keys of all stickers, block after block; only the columns of ``kind`` are read."""
    return read_keys(reader, *EDGES[kind], ids)


def read_keys(reader: Reader, table: str, columns: tuple[str, ...], ids: pa.ChunkedArray) -> Edges:
    """The same for the keys in ``columns`` of a table."""
    start = 0
    rows: list[Ints] = []
    keys: list[pa.Array] = []
    for block, own in zip(reader.blocks, ids.chunks, strict=True):
        found = reader.read(table, block, ["id", *columns])
        named = pack_keys(found) if "pack_id" in columns else _join(found, columns)
        row = pc.index_in(found["id"], value_set=own)
        known = pc.and_(pc.is_valid(named), pc.is_valid(row))
        rows.append(start + row.filter(known).to_numpy().astype(np.int64))
        keys += named.filter(known).chunks
        start += len(own)
    return number_keys(rows, keys)


def pack_keys(observations: pa.Table) -> pa.ChunkedArray:
    """Each row's pack: by the pack's id at its source, or by its title where it has none."""
    named = pc.not_equal(pc.fill_null(observations["pack_id"], ""), "")
    packs = pc.if_else(named, observations["pack_id"], observations["pack_title"])
    return _join(pa.table({"source": observations["source"], "pack": packs}), ("source", "pack"))


def _join(rows: pa.Table, columns: tuple[str, ...]) -> pa.ChunkedArray:
    """Keys joined from ``columns``, null in rows without the last of them."""
    last = rows[columns[-1]]
    given = pc.if_else(pc.equal(last, ""), None, last)
    return pc.binary_join_element_wise(*(rows[name] for name in columns[:-1]), given, ":")
