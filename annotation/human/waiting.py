"""Stickers that wait for an adjudicator or a reviewer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from annotation.human.asked import newest_questions
from annotation.human.merge import current_decisions
from annotation.human.migration import Change, migrate_decisions
from annotation.human.undecided import undecided
from pipeline.engine.withheld import flagged_stickers
from pipeline.engine.workspace import Workspace

Tasks = Sequence[Mapping[str, Any]]
"""Rows of the table of that name."""

_SAID = ["id", "skipped", "flags", "quarantined"]


@dataclass(frozen=True)
class Backlog:
    """Stickers that wait for an adjudicator, and how many of them have a task."""

    waiting: int
    exported: int


@dataclass(frozen=True)
class Screening:
    """Stickers sent for screening, those looked at, and all that people flagged themselves.

    ``everything`` counts the kept stickers, and those that were dropped when they were looked at.
    """

    tasks: int
    looked_at: int
    flagged: int
    everything: int


def count_backlog(
    workspace: Workspace,
    tasks: Tasks,
    tagset: Collection[str] | None,
    changes: Mapping[str, Change],
) -> Backlog:
    """Stickers that wait for a decision, and have a task."""
    waiting = set(waiting_stickers(workspace, tagset, changes))
    exported = {row["id"] for row in tasks if row["purpose"] == "adjudication"}
    return Backlog(len(waiting), len(waiting & exported))


def waiting_stickers(
    workspace: Workspace, tagset: Collection[str] | None, changes: Mapping[str, Change]
) -> list[str]:
    """Stickers whose votes agree on no tag, or on no answer that is needed, by the table
    ``labels``, without a decision that says; one of unknown tags alone says nothing."""
    labels = workspace.read("labels", columns=["id", "status", "answers"])
    decisions = current_decisions(migrate_decisions(workspace.read("adjudications"), changes))
    # The lead's screen asks what is asked now; nobody needs answers to anything else.
    questions = newest_questions(workspace.read("questions"))
    return sorted(undecided(labels, decisions, questions, tagset))


def count_screening(workspace: Workspace, tasks: Tasks) -> Screening:
    """How far the screening is; near-duplicates of flagged stickers are not counted."""
    sent = {row["id"] for row in tasks if row["purpose"] == "screening"}
    said = [
        row
        for row in workspace.read("flags", columns=_SAID).to_pylist()
        if row["quarantined"] is None and not row["skipped"]
    ]
    looked = {row["id"] for row in said}
    flagged = flagged_stickers(workspace) & {row["id"] for row in said if row["flags"]}
    decisions = workspace.read("decisions", columns=["id", "kept"])
    kept = int(pc.sum(decisions["kept"]).as_py() or 0)
    gone = set(decisions.filter(pc.invert(decisions["kept"]))["id"].to_pylist()) & looked & sent
    return Screening(len(sent), len(sent & looked), len(flagged), kept + len(gone))
