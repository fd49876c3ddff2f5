"""Samples and text of the web."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from table_rows import put

from pipeline.engine.workspace import Workspace
from pipeline.report.reading import SmallestKeys, read_blocks, say_reason, smallest


@given(st.lists(st.text("0123456789abcdef", min_size=1)), st.integers(1, 6))
def test_a_sample_holds_the_smallest_keys_in_any_order(keys: list[str], size: int) -> None:
    sample: SmallestKeys[int] = SmallestKeys(size)
    for number, key in enumerate(keys):
        sample.add(key, number)
    assert [key for key, _ in sample.ranked()] == sorted(set(keys))[:size]
    assert all(keys[number] == key for key, number in sample.ranked())


def test_a_sample_does_not_grow() -> None:
    sample: SmallestKeys[None] = SmallestKeys(5)
    for number in range(10_000):
        sample.add(f"{number:08x}", None)
    assert len(sample._seen) <= 20


def test_reasons_leave_out_what_is_unknown() -> None:
    reason = {"rule": "duplicate", "value": None, "threshold": None, "detail": "of 00ff"}
    assert say_reason(reason) == "duplicate: of 00ff"
    assert say_reason({**reason, "value": 7.0, "detail": None}) == "duplicate 7"
    assert say_reason({**reason, "value": -0.0, "detail": None}) == "duplicate 0"
    long = {**reason, "detail": f"same as {'ab' * 32} (pixels)"}
    assert say_reason(long) == "duplicate: same as ababababab (pixels)"


def test_a_block_is_read_at_once_where_its_tables_fit(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for part, ids in ((0, "ab"), (1, "c"), (64, "d")):
        put(workspace, "stickers", [{"id": id_} for id_ in ids], part)
        put(workspace, "signals", [{"id": id_, "frames": part} for id_ in ids], part)
    columns = {"signals": ["frames"], "ocr": ["text"]}
    found = [
        {n: t["id"].to_pylist() for n, t in b.items()} for b in read_blocks(workspace, columns)
    ]
    assert found == [{"signals": ["a", "b", "c"]}, {"signals": ["d"]}]


def test_a_table_that_lacks_a_shard_or_is_of_another_crawl_is_left_out_there_alone(
    tmp_path: Path,
) -> None:
    workspace = Workspace(tmp_path)
    for part, ids in enumerate(("ab", "c", "d")):
        put(workspace, "stickers", [{"id": id_} for id_ in ids], part)
    put(workspace, "signals", [{"id": "a"}, {"id": "b"}], 0)
    put(workspace, "ocr", [{"id": "c"}], 1)
    put(workspace, "ocr", [{"id": "x"}], 2)
    columns: dict[str, list[str]] = {"signals": [], "ocr": []}
    assert [set(tables) for tables in read_blocks(workspace, columns)] == [
        {"signals"},
        {"ocr"},
        set(),
    ]


def test_the_first_rows_are_those_of_the_smallest_keys() -> None:
    table = pa.table({"id": ["b", "c", "a"], "order": [1, 0, 1]})
    assert [row["id"] for row in smallest(table, 2)] == ["a", "b"]
    assert [row["id"] for row in smallest(table, 5, "order", "id")] == ["c", "a", "b"]
