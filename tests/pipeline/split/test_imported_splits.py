"""Splits of imported data sets: kept, unless groups, or releases of ours, say otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_rows import MemoryReader

from pipeline.split.stages import SPLIT
from schemas.config import Config
from schemas.release import SPLITS


def said(id_: str, split: str | None, dataset: str = "set") -> dict[str, Any]:
    return {"id": id_, "dataset": dataset, "name": id_, "split": split}


def split(
    groups: dict[str, str], imported: list[dict[str, Any]], **tables: Any
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The split of each sticker of ``groups`` (its template by id), and the rows of ``moved``."""
    reader = MemoryReader(
        stickers=[{"id": id_} for id_ in groups],
        decisions=[{"id": id_, "kept": True, "outcome": "kept"} for id_ in groups],
        duplicates=[
            {"id": id_, "group": id_, "representative": True, "template_id": template}
            for id_, template in groups.items()
        ],
        imported=imported,
        **tables,
    )
    made = {table: rows for table, _, rows in SPLIT.run(reader, SPLIT.settings(Config()))}
    splits = {row["id"]: row["split"] for row in made["splits"].to_pylist()}
    return splits, made["moved"].to_pylist()


def test_a_data_sets_own_splits_are_kept() -> None:
    groups = {str(n): str(n) for n in range(30)}
    own = {str(n): SPLITS[n % 3] for n in range(21)}
    found, moved = split(groups, [said(id_, name) for id_, name in own.items()])
    assert {id_: found[id_] for id_ in own} == own
    assert moved == []
    assert set(found.values()) <= set(SPLITS)
    rest = [found[id_] for id_ in groups if id_ not in own]
    assert set(rest) == {"train"}, "what has no split fills what is short of its share"


def test_a_conflict_within_a_group_is_settled_for_training_and_listed() -> None:
    found, moved = split({"a": "t", "b": "t"}, [said("a", "test"), said("b", "train")])
    assert found == {"a": "train", "b": "train"}
    assert moved == [
        {"id": "a", "from": "test", "to": "train", "release": "import set", "joined": "b"}
    ]


@pytest.mark.parametrize("only", SPLITS)
def test_a_data_set_with_one_split_alone_has_none(only: str) -> None:
    groups = {str(n): str(n) for n in range(30)}
    unsplit = split(groups, [])
    assert split(groups, [said(id_, only) for id_ in groups]) == unsplit
    assert set(unsplit[0].values()) == set(SPLITS)
    both = [said(id_, only) for id_ in groups] + [said("0", "dev"), said("1", "test", "other")]
    assert split(groups, both) == unsplit


def test_named_test_sets_of_data_sets_are_kept_beside_what_was_picked() -> None:
    ids = [str(n) for n in range(40)]
    sets = {"0": ["vsd_r"], "1": ["vsd_c", "vsd_r"], "2": ["vsd_r"], "3": ["vsd_r"]}
    own = {"0": "test", "1": "test", "2": "train"}
    reader = MemoryReader(
        stickers=[{"id": id_} for id_ in ids],
        decisions=[{"id": id_, "kept": True, "outcome": "kept"} for id_ in ids],
        duplicates=[{"id": id_, "group": id_, "representative": True} for id_ in ids],
        imported=[
            {**said(id_, own.get(id_), dataset), "test_sets": sets[id_]}
            for dataset in ("first", "second")
            for id_ in sets
        ],
        reserved=[{"id": "0", "test_set": "mine"}, {"id": "0", "test_set": "vsd_r"}],
    )
    made = {table: rows for table, _, rows in SPLIT.run(reader, SPLIT.settings(Config()))}
    found = {row["id"]: row["test_sets"] for row in made["splits"].to_pylist() if row["test_sets"]}
    # What a data set has in train is in no test set; what has no split there goes to test.
    assert found == {"0": ["mine", "vsd_r"], "1": ["vsd_c", "vsd_r"], "3": ["vsd_r"]}


def test_the_same_bytes_in_several_splits_go_to_the_one_nearest_to_training() -> None:
    rows = [said("a", "test"), said("a", "validation", "other"), said("a", None, "third")]
    rows += [said("gone", "train"), said("gone", "train", "other")]
    assert split({"a": "a"}, rows)[0] == {"a": "validation"}
    assert split({"a": "a"}, rows[::-1])[0] == {"a": "validation"}


def test_a_release_of_ours_outweighs_the_data_set() -> None:
    released = [{"id": "a", "split": "train", "release": "stickers-0.0.1", "number": 1}]
    rows = [said("a", "test"), said("gone", "train")]
    found, moved = split({"a": "a"}, rows, released_splits=released)
    assert (found, moved) == ({"a": "train"}, [])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([*SPLITS, None, "dev"])), max_size=14),
    st.randoms(use_true_random=False),
)
def test_a_group_goes_where_its_member_nearest_to_training_is(
    rows: list[tuple[int, str | None]], dice: Any
) -> None:
    groups = {f"{n}": str(group) for n, (group, _) in enumerate(rows)}
    imported = [said(f"{n}", name) for n, (_, name) in enumerate(rows)]
    imported += [said("gone", name) for name in SPLITS]
    dice.shuffle(imported)
    found, moved = split(groups, imported)
    for n, (group, own) in enumerate(rows):
        others = [SPLITS.index(o) for g, o in rows if g == group and o in SPLITS]
        if others:
            assert found[str(n)] == SPLITS[min(others)]
        told = any(row["id"] == str(n) for row in moved)
        assert told == (own in SPLITS and found[str(n)] != own)
