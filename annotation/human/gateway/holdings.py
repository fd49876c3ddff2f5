"""Whose project and task is whose: read from the ledger, which is never written here."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from annotation.human.gateway.decisions import TaskState
from annotation.human.studio.ledger import read_ledger

_PROJECT = """
SELECT 1 FROM projects
WHERE project = ? AND purpose != 'adjudication' AND person IN (?, '')
"""
_TASK = """
SELECT project, withdrawn_at FROM tasks
WHERE task = ? AND project IS NOT NULL AND purpose != 'adjudication' AND person IN (?, '')
"""
_PROJECTS = """
SELECT project, purpose, person, count(*) AS stickers FROM tasks
WHERE project IS NOT NULL AND withdrawn_at IS NULL AND purpose != 'adjudication'
    AND person IN (?, '')
GROUP BY project ORDER BY purpose, person = '', project
"""


_ALL = """
SELECT project, purpose, person, count(*) AS stickers,
    iif(min(batch) = max(batch), min(batch), min(batch) || ' – ' || max(batch)) AS batches
FROM tasks
WHERE project IS NOT NULL AND withdrawn_at IS NULL
GROUP BY project ORDER BY purpose, person, project
"""


@dataclass(frozen=True)
class OwnProject:
    """A project that somebody labels in; ``shared`` ones are everybody's."""

    project: int
    purpose: str
    shared: bool
    stickers: int


@dataclass(frozen=True)
class OwnTask:
    """A task of somebody's own that still counts."""

    project: int
    task: int
    sticker: str
    batch: str
    gold: bool


@dataclass(frozen=True)
class AnyProject:
    """A project of anybody's, ``person`` "" where it is everybody's, and its batches."""

    project: int
    purpose: str
    person: str
    stickers: int
    batches: str


def all_projects(root: Path) -> list[AnyProject]:
    """Every project of the workspace ``root`` that holds something, for the lead."""
    with read_ledger(root) as ledger:
        return [AnyProject(*row) for row in ledger.rows(_ALL)]


@dataclass(frozen=True)
class LedgerHoldings:
    """What an account has on the server; each question reads the ledger as it is now."""

    root: Path  # of the workspace
    account: str

    def project(self, number: int) -> bool:
        """Whether they label in it."""
        return bool(self._rows(_PROJECT, number, self.account))

    def task(self, number: int) -> tuple[TaskState, int]:
        """Whether it is for them, and its project (0 for another's)."""
        rows = self._rows(_TASK, number, self.account)
        if not rows:
            return "foreign", 0
        return ("own" if rows[0]["withdrawn_at"] is None else "withdrawn"), rows[0]["project"]

    def left(self) -> bool:
        """Whether they have left the team."""
        return bool(
            self._rows(
                "SELECT 1 FROM departures WHERE person = ? AND back_at IS NULL", self.account
            )
        )

    def projects(self) -> list[OwnProject]:
        """All that they label in and that holds something, their own first."""
        rows = self._rows(_PROJECTS, self.account)
        return [
            OwnProject(row["project"], row["purpose"], row["person"] == "", row["stickers"])
            for row in rows
        ]

    def labelling(self) -> list[OwnTask]:
        """Their own tasks for labelling, batches as they were given out."""
        rows = self._rows(
            "SELECT project, task, sticker, batch, gold FROM tasks WHERE purpose = 'labelling' "
            "AND task IS NOT NULL AND withdrawn_at IS NULL AND person = ? "
            "ORDER BY min(exported_at) OVER (PARTITION BY batch), batch, task",
            self.account,
        )
        return [
            OwnTask(row["project"], row["task"], row["sticker"], row["batch"], bool(row["gold"]))
            for row in rows
        ]

    def _rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with read_ledger(self.root) as ledger:
            return ledger.rows(statement, *values)
