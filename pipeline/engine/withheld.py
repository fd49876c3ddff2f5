"""Stickers that people flagged: no report shows them, nor anything that was read from them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.counting import rules_of
from pipeline.engine.workspace import Workspace

REVIEW = "review"
"""The rule in ``decisions.reasons`` that says what people flagged."""


def flagged_stickers(workspace: Workspace) -> frozenset[str]:
    """Ids of stickers with content that must not be seen, by decision or by a newer review."""
    flagged: set[str] = set()
    if not workspace.complete("reviews"):
        # Which of the flags hold is not known of all: rather too few are shown than one too many.
        flagged.update(workspace.read("flags", columns=["id"])["id"].to_pylist())
    for parts in workspace.blocks:
        reviews = workspace.read("reviews", parts, ["id", "flagged"])
        flagged.update(reviews.filter(reviews["flagged"])["id"].to_pylist())
        decisions = workspace.read("decisions", parts, ["id", "reasons"])
        rules = rules_of(decisions["reasons"])
        found = rules.filter(pc.equal(rules["rule"], REVIEW))["row"]
        flagged.update(decisions["id"].take(found).to_pylist())
    return frozenset(flagged)


def withheld_stickers(workspace: Workspace) -> frozenset[str]:
    """Flagged stickers and all near-duplicates of theirs, which look the same, and so do stills
    of flagged animations, and animations that show a flagged still."""
    flagged = flagged_stickers(workspace)
    if not flagged:
        return flagged
    alike = flagged | _copies(workspace, flagged)
    shown = _members(workspace, "still_of", alike, "id") | _members(
        workspace, "id", alike, "still_of"
    )
    return alike | shown | _copies(workspace, shown)


def _copies(workspace: Workspace, stickers: frozenset[str]) -> frozenset[str]:
    groups = _members(workspace, "id", stickers, "group")
    return _members(workspace, "group", groups, "id")


def _members(
    workspace: Workspace, column: str, values: frozenset[str], wanted: str
) -> frozenset[str]:
    """Values of ``wanted`` in the rows of ``duplicates`` whose ``column`` is one of ``values``."""
    chosen = pa.array(sorted(values), pa.string())
    found: set[str] = set()
    for parts in workspace.blocks:
        table = workspace.read("duplicates", parts, list(dict.fromkeys([column, wanted])))
        here = table.filter(pc.is_in(table[column], value_set=chosen))
        found.update(here[wanted].drop_null().to_pylist())
    return frozenset(found)
