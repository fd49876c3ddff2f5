"""The column ``imported`` of a release."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from table_rows import table_of

from pipeline.release.imported import imported_texts
from pipeline.release.inputs import COLUMNS


def said(id_: str, name: str, record: Any, split: str | None = None) -> dict[str, Any]:
    return {"id": id_, "dataset": "set", "name": name, "split": split,
            "record": json.dumps(record)}  # fmt: skip


def test_a_sticker_says_where_it_was_imported_from() -> None:
    rows = [said("a", "1", {"topic": "熊"}, "test"), said("c", "2", {}), said("c", "3", {"n": 1})]
    table = table_of("imported", rows).select(COLUMNS["imported"])
    table = table.append_column("row", pa.array([0, 2, 2]))
    first, second, third = map(json.loads, imported_texts(table, 3).fill_null("null").to_pylist())
    assert first == {"dataset": "set", "name": "1", "split": "test", "record": {"topic": "熊"}}
    assert second is None
    other = {"dataset": "set", "name": "3", "split": None, "record": {"n": 1}}
    assert third == {
        "dataset": "set", "name": "2", "split": None, "record": {}, "others": [other]
    }  # fmt: skip


def test_without_the_table_nothing_is_said() -> None:
    nothing = pa.table({name: pa.nulls(2, pa.string()) for name in COLUMNS["imported"]})
    assert imported_texts(nothing, 2).to_pylist() == [None, None]
