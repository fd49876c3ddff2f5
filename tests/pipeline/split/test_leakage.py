from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.split.edges import EDGES, Edges, number_keys, pack_keys, read_edges
from pipeline.split.leakage import SplitLeak, find_split_leaks, leak
from schemas.tables import TABLES

STICKERS = "abcdef"
IDS = pa.chunked_array([["a", "b"], ["c", "d", "e"]])
SPLITS = np.array([0, 0, 2, 2, -1])


class Shards:
    """A reader over tables in memory, a shard after the other, that notes what is asked for."""

    def __init__(self, **tables: list[list[dict[str, Any]]]) -> None:
        self.tables = tables
        self.asked: list[tuple[str, tuple[int, ...], tuple[str, ...]]] = []
        self.parts = tuple(range(max(map(len, self.tables.values()), default=0)))
        self.blocks = tuple((part,) for part in self.parts)

    def read(
        self,
        table: str,
        parts: int | Sequence[int] | None = None,
        columns: list[str] | None = None,
    ) -> pa.Table:
        wanted = self.parts if parts is None else (parts,) if isinstance(parts, int) else parts
        self.asked.append((table, tuple(wanted), tuple(columns or ())))
        shards = self.tables.get(table, [])
        rows = [row for part in wanted for row in (shards[part] if part < len(shards) else [])]
        whole = pa.Table.from_pylist(rows, schema=TABLES[table].schema)
        return whole.select(columns) if columns else whole


def edges(*pairs: tuple[str, str]) -> Edges:
    rows = [np.array([STICKERS.index(sticker) for sticker, _ in pairs], dtype=np.int64)]
    return number_keys(rows, [pa.array([key for _, key in pairs], pa.string())])


def told(found: Edges) -> list[tuple[str, str]]:
    keys = found.names.take(pa.array(found.keys)).to_pylist()
    return sorted((STICKERS[row], key) for row, key in zip(found.rows, keys, strict=True))


def test_keys_that_leak_are_counted() -> None:
    packs = [("a", "p"), ("b", "p"), ("a", "q"), ("c", "q"), ("d", "q"), ("b", "r"), ("c", "r")]
    found = leak("pack", edges(*packs, ("a", "q")), SPLITS)
    assert found == SplitLeak("pack", shared=3, leaking=2, rows=4, examples=("q", "r"))


def test_stickers_without_a_split_do_not_count() -> None:
    authors = [("a", "x"), ("e", "x"), ("d", "y")]
    assert leak("author", edges(*authors), SPLITS) == SplitLeak("author", 0, 0, 0, ())


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["train", "test"])),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz"))),
)
def test_nothing_leaks_exactly_when_every_key_has_one_split(
    splits: dict[str, str], pairs: list[tuple[str, str]]
) -> None:
    numbers = np.array([["train", "test", None].index(splits.get(one)) for one in "abcdef"])
    report = leak("pack", edges(*pairs), np.where(numbers == 2, -1, numbers))
    across = {
        key
        for one, key in pairs
        for other, other_key in pairs
        if key == other_key and one in splits and other in splits and splits[one] != splits[other]
    }
    assert report.leaking == len(across)
    assert set(report.examples) == across


def observations() -> Shards:
    """Two shards: packs of the same name and authors of the same name at two sources."""
    one = [
        {"id": "a", "source": "s", "source_id": "1", "pack_id": "p", "pack_title": "P"},
        {"id": "a", "source": "s", "source_id": "5", "pack_id": "p", "pack_title": "P, renamed"},
        {"id": "b", "source": "t", "source_id": "2", "pack_id": "p", "author": "ann"},
    ]
    other = [
        {"id": "c", "source": "s", "source_id": "3", "pack_title": "Q", "author": "ann"},
        {"id": "c", "source": "s", "source_id": "4", "media_url": "http://u/1", "author": ""},
        {"id": "d", "source": "s", "source_id": "6", "pack_id": "", "pack_title": "Q"},
    ]
    return Shards(
        observations=[one, other],
        duplicates=[
            [
                {"id": "a", "group": "a", "representative": True, "template_id": "t1"},
                {"id": "b", "group": "a", "representative": False},
            ]
        ],
        signals=[[{"id": "a", "pixel_sha256": "ff"}]],
    )


def test_edges_come_from_the_tables_and_names_are_told_apart_by_source() -> None:
    reader = observations()
    assert {kind: told(read_edges(reader, kind, IDS)) for kind in EDGES} == {
        "pixels": [("a", "ff")],
        "template": [("a", "t1")],
        "pack": [("a", "s:p"), ("b", "t:p"), ("c", "s:Q"), ("d", "s:Q")],
        "page_url": [],
        "media_url": [("c", "http://u/1")],
        "author": [("b", "t:ann"), ("c", "s:ann")],
    }


def test_only_kinds_that_can_inform_are_reported() -> None:
    """An id has one split, and near-duplicates are dropped or never separated."""
    kinds = [found.kind for found in find_split_leaks(observations(), IDS, SPLITS)]
    assert kinds == ["author", "media_url", "pack", "page_url", "pixels", "template"]


def test_kinds_are_read_one_after_another_block_by_block_and_no_column_too_many() -> None:
    reader = observations()
    found: Iterator[SplitLeak] = find_split_leaks(reader, IDS, SPLITS)
    assert next(found).kind == "author"
    columns = ("id", "source", "author")
    assert reader.asked == [("observations", block, columns) for block in reader.blocks]


def test_a_pack_without_id_and_title_is_none() -> None:
    rows = [{"id": "a", "source": "s", "source_id": "1", "pack_title": ""}]
    table = pa.Table.from_pylist(rows, schema=TABLES["observations"].schema)
    assert pack_keys(table).to_pylist() == [None]
