"""Stickers that wait for an adjudicator or a reviewer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from annotation.human.merge import current_decisions, decides
from annotation.human.migration import Change, migrate_decisions
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
    """Stickers to be adjudicated by the table ``labels``, without a decision that counts."""
    labels = workspace.read("labels", columns=["id", "status"])
    disputed = labels.filter(pc.equal(labels["status"], "adjudicate"))["id"].to_pylist()
    decisions = current_decisions(migrate_decisions(workspace.read("adjudications"), changes))
    rows = decisions.select(["id", "tags"]).to_pylist()
    decided = {row["id"] for row in rows if decides(row, tagset)}
    waiting = set(disputed) - decided
    exported = {row["id"] for row in tasks if row["purpose"] == "adjudication"}
    return Backlog(len(waiting), len(waiting & exported))


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
