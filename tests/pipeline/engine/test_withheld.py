"""Which stickers no report may show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from table_rows import put

from pipeline.engine.withheld import flagged_stickers, withheld_stickers
from pipeline.engine.workspace import Workspace


def decided(name: str, *rules: str) -> dict[str, Any]:
    reasons = [{"rule": r, "value": None, "threshold": None, "detail": None} for r in rules]
    outcome = "dropped" if rules else "kept"
    return {"id": name, "kept": not rules, "outcome": outcome, "reasons": reasons or None}


def member(name: str, group: str) -> dict[str, Any]:
    return {"id": name, "group": group, "representative": name == group}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two shards; d is flagged, and b in the other shard is its representative."""
    workspace = Workspace(tmp_path)
    for part, names in enumerate(("abc", "def")):
        put(workspace, "stickers", [{"id": name} for name in names], part)
    put(workspace, "decisions", [decided("a", "aspect"), decided("b"), decided("c")])
    flagged = decided("d", "duplicate", "review")
    put(workspace, "decisions", [decided("e"), flagged, decided("f", "entropy")], 1)
    put(workspace, "duplicates", [member("a", "a"), member("b", "b"), member("c", "b")])
    put(workspace, "duplicates", [member("e", "a"), member("d", "b"), member("f", "f")], 1)
    return workspace


def test_the_rule_review_flags_its_own_sticker(workspace: Workspace) -> None:
    assert flagged_stickers(workspace) == {"d"}


def test_all_that_look_the_same_are_withheld(workspace: Workspace) -> None:
    assert withheld_stickers(workspace) == {"b", "c", "d"}


def test_a_review_newer_than_the_decisions_counts(workspace: Workspace) -> None:
    put(workspace, "reviews", [{"id": n, "flagged": n == "a"} for n in "abc"])
    assert withheld_stickers(workspace) == {"a", "b", "c", "d", "e"}


def test_stills_of_a_flagged_animation_are_withheld_and_the_other_way_round(
    workspace: Workspace,
) -> None:
    stills = [member("e", "e") | {"still_of": "b"}, member("d", "d"), member("f", "f")]
    put(workspace, "duplicates", stills, 1)
    put(workspace, "reviews", [{"id": n, "flagged": n == "c"} for n in "abc"])
    put(workspace, "decisions", [decided("e"), decided("d"), decided("f")], 1)
    assert withheld_stickers(workspace) == {"b", "c", "e"}
    put(workspace, "reviews", [{"id": n, "flagged": False} for n in "abc"])
    put(workspace, "reviews", [{"id": n, "flagged": n == "e"} for n in "edf"], 1)
    assert withheld_stickers(workspace) == {"b", "c", "e"}


def test_without_flags_or_tables_nothing_is_withheld(workspace: Workspace, tmp_path: Path) -> None:
    put(workspace, "decisions", [decided("e"), decided("d"), decided("f")], 1)
    assert withheld_stickers(workspace) == frozenset()
    assert withheld_stickers(Workspace(tmp_path / "empty")) == frozenset()
