"""The column ``imported`` of a release."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/alice/private/notes.txt", "…/notes.txt"),
        ("bot123456:AAH_abcdefghijklmnopqrstuv refused", "bot*** refused"),
        ("https://me:pw@a.example/x?api_key=K", "https://a.example/x?api_key=***"),
        ("in 'C:\\Users\\jane doe\\my cat.gif'", "in '…/my cat.gif'"),
        ('say "猫"\n\\ and/or', 'say "猫"\n\\ and/or'),
    ],
)
def test_no_text_of_a_data_set_carries_a_secret(text: str, expected: str) -> None:
    deep: Any = text
    for _ in range(300):
        deep = [deep]
    record = {"who": text, "deep": deep, "dict": {text: [1, text, None]}, "file_name": text}
    table = table_of("imported", [said("a", text, record)]).select(COLUMNS["imported"])
    (found,) = imported_texts(table.append_column("row", pa.array([0])), 1).to_pylist()
    public = json.loads(found)
    assert (public["name"], public["record"]["file_name"]) == (expected, expected)
    assert public["record"]["who"] == expected
    assert public["record"]["dict"] == {expected: [1, expected, None]}
    assert found.count(json.dumps(expected, ensure_ascii=False)) == 6
    assert json.dumps(text, ensure_ascii=False) not in found or text == expected


@pytest.mark.parametrize("name", ["Images/[1]/2/3.png", ".a b.png", "[x]/~/y.gif", "a@b.png"])
def test_names_of_files_stay_what_they_are(name: str) -> None:
    record = {"topic": name, "file_name": name, "lmdb_key": name}
    table = table_of("imported", [said("a", name, record)]).select(COLUMNS["imported"])
    (found,) = imported_texts(table.append_column("row", pa.array([0])), 1).to_pylist()
    assert json.loads(found)["name"] == name
    assert json.loads(found)["record"] == record


def test_without_the_table_nothing_is_said() -> None:
    nothing = pa.table({name: pa.nulls(2, pa.string()) for name in COLUMNS["imported"]})
    assert imported_texts(nothing, 2).to_pylist() == [None, None]
