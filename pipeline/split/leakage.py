"""What could leak from one split into another, counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Reader

EXAMPLES = 5
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


def find_split_leaks(reader: Reader, splits: Mapping[str, str]) -> Iterator[SplitLeak]:
    """Check an assignment (id to split) kind by kind; stickers outside of it don't count."""
    for kind in sorted(EDGES):
        yield leak(kind, read_edges(reader, kind), splits)


def read_edges(reader: Reader, kind: str) -> Iterator[tuple[str, str]]:
    """Each sticker's id and its key, shard after shard; only the columns of ``kind`` are read."""
    table, columns = EDGES[kind]
    for part in reader.parts:
        rows = reader.read(table, part, ["id", *columns])
        yield from pack_links(rows) if kind == "pack" else _pairs(rows, columns)


def pack_links(observations: pa.Table) -> Iterator[tuple[str, str]]:
    """Each sticker's packs: by the pack's id at its source, or by its title where it has none."""
    named = pc.not_equal(pc.fill_null(observations["pack_id"], ""), "")
    packs = pc.if_else(named, observations["pack_id"], observations["pack_title"])
    columns = {"id": observations["id"], "source": observations["source"], "pack": packs}
    return _pairs(pa.table(columns), ("source", "pack"))


def leak(kind: str, edges: Iterable[tuple[str, str]], splits: Mapping[str, str]) -> SplitLeak:
    """Count the keys of ``edges`` (a sticker's id and a key) that lie in more than one split."""
    first: dict[str, str] = {}
    shared: dict[str, set[str]] = {}
    for sticker, key in edges:
        # Most keys have one sticker; a set for each of them would be most of the memory.
        if sticker in splits and (known := first.setdefault(key, sticker)) != sticker:
            shared.setdefault(key, {known}).add(sticker)
    across = {
        key: len(stickers)
        for key, stickers in shared.items()
        if len({splits[sticker] for sticker in stickers}) > 1
    }
    rows = {sticker for key in across for sticker in shared[key]}
    worst = sorted(across, key=lambda key: (-across[key], key))
    return SplitLeak(kind, len(shared), len(across), len(rows), tuple(worst[:EXAMPLES]))


def _pairs(rows: pa.Table, columns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Distinct ids and keys, joined from ``columns``; rows without the last of them have no key."""
    rows = rows.filter(pc.not_equal(pc.fill_null(rows[columns[-1]], ""), ""))
    rows = rows.group_by(["id", *columns]).aggregate([])
    keys = pc.binary_join_element_wise(*(rows[name] for name in columns), ":")
    for batch in pa.table({"id": rows["id"], "key": keys}).to_batches(max_chunksize=10_000):
        yield from zip(batch["id"].to_pylist(), batch["key"].to_pylist(), strict=True)
