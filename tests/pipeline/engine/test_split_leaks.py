"""The leak check that releases and training share."""

from __future__ import annotations

import pyarrow as pa

from pipeline.engine.split_leaks import LeakCheck


def _row(id: str, group: str | None = None, template: str | None = None) -> dict[str, str | None]:
    return {"id": id, "duplicate_group": group, "template_id": template}


def test_each_leaking_value_is_told_once_with_all_its_splits() -> None:
    check = LeakCheck()
    for row, split in (
        (_row("a", "g"), "train"),
        (_row("b", "g"), "train"),
        (_row("c", "g"), "validation"),
        (_row("d", "g", "t"), "test"),
        (_row("a", "h", "t"), "test"),
    ):
        check.add(pa.Table.from_pylist([row]), split)
    assert list(check.problems()) == [
        ["id a stands in test and train: a leak"],
        ["duplicate_group g stands in test and train and validation: a leak"],
        [],
    ]


def test_no_value_is_no_leak_and_a_value_leaks_within_its_column_only() -> None:
    check = LeakCheck()
    check.add(pa.Table.from_pylist([_row("a", None, "b")]), "train")
    check.add(pa.Table.from_pylist([_row("b", None, "a")]), "test")
    assert list(check.problems()) == [[], [], []]
