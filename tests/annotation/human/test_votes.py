"""The votes that every measure starts from."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from table_rows import MemoryReader

from annotation.human.votes import by_annotator, by_sticker, counting_votes, read_votes
from schemas.tables import VOTES


def vote(sticker: str, annotator: str, tags: str = "", **more: Any) -> dict[str, Any]:
    row = {"id": sticker, "annotator": annotator, "origin": "label_studio", "simulated": False}
    return {**row, "skipped": False, "tags": list(tags), "sequence": 0, **more}


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=VOTES.schema)


def test_votes_come_by_sticker_and_annotator_without_what_doesnt_count() -> None:
    found = counting_votes(
        table(
            vote("t", "b", "x"),
            vote("t", "a", "y", sequence=1, annotation="7"),
            vote("t", "a", "z", sequence=2, annotation="7"),
            vote("s", "b", skipped=True),
            vote("s", "a", "q", quarantined="given by the lead"),
        )
    )
    assert [(v.id, v.annotator, v.skipped, sorted(v.tags)) for v in found] == [
        ("s", "b", True, []),
        ("t", "a", False, ["z"]),
        ("t", "b", False, ["x"]),
    ]
    assert list(by_sticker(found)) == ["t"]
    assert {name: len(cast) for name, cast in by_annotator(found).items()} == {"a": 1, "b": 2}


def test_no_suggestion_is_not_a_suggestion_of_nothing() -> None:
    rows = [vote("s", "a"), vote("s", "b", suggested=[]), vote("s", "c", suggested=["x"])]
    assert [v.suggested for v in counting_votes(table(*rows))] == [
        None,
        frozenset(),
        frozenset("x"),
    ]


def test_suggestions_are_carried_over_with_the_votes() -> None:
    rows = [
        vote("s", "a", "xy", suggested=["x"], tagset="1"),
        vote("s", "b", "x", suggested=["x"], tagset="2"),
        vote("s", "c", "x", tagset="1"),
    ]
    change = {"from_version": "1", "to_version": "2", "tag": "x", "becomes": ["z"]}
    found = read_votes(MemoryReader(votes=rows, tag_changes=[change]))
    assert found.schema == VOTES.schema
    assert found["tags"].to_pylist() == [["y", "z"], ["x"], ["z"]]
    assert found["suggested"].to_pylist() == [["z"], ["x"], None]


def test_votes_on_dropped_stickers_are_gone_and_missing_tables_harmless() -> None:
    rows = [vote("s", "a", "x"), vote("t", "a", "x"), vote("u", "a", "x")]
    decisions = [
        {"id": "s", "kept": False, "outcome": "failed"},
        {"id": "t", "kept": True, "outcome": "kept"},
    ]
    found = read_votes(MemoryReader(votes=rows, decisions=decisions))
    assert found["id"].to_pylist() == ["t", "u"]
    assert read_votes(MemoryReader(votes=rows)).equals(table(*rows))
    assert len(read_votes(MemoryReader())) == 0
