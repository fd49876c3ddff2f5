"""Older votes in today's tags."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.human.asked import AskedQuestion
from annotation.human.merge import decides, merge_votes
from annotation.human.migration import (
    carry_over,
    kinds_of_change,
    migrate,
    migrate_decisions,
    read_changes,
)
from schemas.config import MergeConfig
from schemas.tables import ADJUDICATIONS, TAG_CHANGES, VOTES

CHANGES = {
    "1": ("2", {"笑": ("大笑", "微笑"), "哭": ("泪",), "旧": ()}),
    "2": ("3", {"大笑": ("笑",)}),
}


def test_renames_splits_and_drops_are_applied_in_turn() -> None:
    assert carry_over(["笑", "哭", "旧", "狗"], "1", CHANGES) == {"笑", "微笑", "泪", "狗"}
    assert carry_over(["笑"], "2", CHANGES) == {"笑"}
    assert carry_over(["哭"], None, CHANGES) == {"哭"}


def test_changes_in_a_circle_end() -> None:
    assert carry_over(["a"], "1", {"1": ("2", {"a": ("b",)}), "2": ("1", {"b": ("a",)})}) == {"a"}


@given(st.sets(st.text(max_size=3)), st.sampled_from(["1", "2", "3", None]))
def test_a_tag_that_no_change_names_stays(tags: set[str], version: str | None) -> None:
    named = {tag for _, becomes in CHANGES.values() for tag in becomes}
    assert tags - named <= carry_over(tags, version, CHANGES)


STEPS = st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from("abc"), max_size=2))


@given(st.lists(STEPS, max_size=5), st.sets(st.sampled_from("abc")), st.integers(0, 5))
def test_carrying_over_is_one_step_after_the_other(
    steps: list[dict[str, list[str]]], tags: set[str], start: int
) -> None:
    """Swaps, chains, drops that come back, splits and then merges among them."""
    changes = {str(n): (str(n + 1), step) for n, step in enumerate(steps)}
    expected = set(tags)
    for step in steps[start:]:
        expected = {new for tag in expected for new in step.get(tag, [tag])}
    assert carry_over(tags, str(start), changes) == expected


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"a": ["x"]}, {"rename": ["a"]}),
        ({"a": ["b"], "b": ["a"]}, {"rename": ["a", "b"]}),
        ({"a": ["b"]}, {"merge": ["a"]}),
        ({"a": ["x"], "b": ["x"]}, {"merge": ["a", "b"]}),
        ({"a": ["x", "y"], "b": []}, {"split": ["a"], "drop": ["b"]}),
        ({"a": ["a"]}, {}),
        ({"a": ["a", "b"]}, {"split": ["a"]}),
    ],
)
def test_kinds_of_change(changes: dict[str, list[str]], kinds: dict[str, list[str]]) -> None:
    assert kinds_of_change("abc", changes) == kinds


def test_a_decision_of_nothing_but_dropped_tags_is_a_skip() -> None:
    rows = [
        {"id": "s", "adjudicator": "l", "skipped": False, "tags": tags, "tagset": "1"}
        for tags in (["旧"], ["旧", "哭"], [], None)
    ]
    decisions = pa.Table.from_pylist(rows, schema=ADJUDICATIONS.schema)
    carried = migrate_decisions(decisions, CHANGES)
    assert carried["skipped"].to_pylist() == [True, False, False, False]
    assert carried["tags"].to_pylist() == [[], ["泪"], [], None]
    assert carried.schema == decisions.schema


def test_a_decision_of_dropped_tags_keeps_its_answers() -> None:
    answers = [{"question": "emotion", "values": ["joy"]}]
    row = {"id": "s", "adjudicator": "l", "skipped": False, "tags": ["旧"], "tagset": "1"}
    decisions = pa.Table.from_pylist([row | {"answers": answers}], schema=ADJUDICATIONS.schema)
    (carried,) = migrate_decisions(decisions, CHANGES).to_pylist()
    assert (carried["skipped"], carried["tags"], carried["answers"]) == (False, None, answers)
    assert not decides(carried, None)
    votes = [
        {
            "id": "s", "annotator": name, "origin": "x", "simulated": False, "skipped": False,
            "tags": [name], "answers": [{"question": "emotion", "values": [emotion]}],
        }
        for name, emotion in (("a", "joy"), ("b", "fear"), ("c", "anger"))
    ]  # fmt: skip
    (label,) = merge_votes(
        pa.Table.from_pylist(votes, schema=VOTES.schema),
        ["s"],
        MergeConfig(),
        None,
        migrate_decisions(decisions, CHANGES),
        [AskedQuestion("emotion", "single", ("joy", "fear", "anger"), True)],
    ).to_pylist()
    assert (label["status"], label["tags"]) == ("adjudicate", [])
    assert (label["answers"][0]["status"], label["answers"][0]["values"]) == ("effective", ["joy"])


def test_a_table_of_votes_is_carried_over_row_by_row() -> None:
    rows = [
        {"id": "s", "annotator": "a", "origin": "x", "simulated": False, "tags": tags, "tagset": v}
        for tags, v in ((["笑", "哭"], "1"), (["笑"], "3"), (None, "1"), (["旧"], "1"))
    ]
    votes = pa.Table.from_pylist(rows, schema=VOTES.schema)
    changes = pa.Table.from_pylist(
        [
            {"from_version": old, "to_version": new, "tag": tag, "becomes": list(becomes)}
            for old, (new, named) in CHANGES.items()
            for tag, becomes in named.items()
        ],
        schema=TAG_CHANGES.schema,
    )
    carried = migrate(votes, read_changes(changes))
    assert carried["tags"].to_pylist() == [["微笑", "泪", "笑"], ["笑"], None, []]
    assert carried.schema == votes.schema
    assert migrate(votes, {}) is votes
