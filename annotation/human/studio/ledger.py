"""The memory of human annotation: what was exported, and every answer that was ever seen.

A SQLite file in the workspace that survives being killed at any moment. A sticker is planned
before the server hears of it and has its task noted after, so that a rerun can look for tasks
whose numbers were lost. Answers are only ever added.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from annotation.human.studio import ledger_sql as sql
from pipeline.engine.database import Database, transaction

Purpose = Literal["labelling", "adjudication", "screening"]
PURPOSES: tuple[Purpose, ...] = ("labelling", "adjudication", "screening")

LEDGER = Path("label-studio") / "ledger.sqlite"
"""The ledger's place below the workspace."""

_DATABASE = Database(
    "the annotation ledger",
    sql.VERSION,
    sql.SCHEMA,
    "`stickerworks label`",
    "restore it from a copy; it alone holds the votes as they were given.",
    sql.UPGRADES,
    private=True,
)


@dataclass(frozen=True)
class Ballot:
    """A frozen tag set: its version and its tags, in the order in which they are shown."""

    version: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """A user of a server whose answers count: ``role`` is lead or annotator."""

    origin: str
    user: int
    name: str
    role: str


@dataclass(frozen=True)
class Planned:
    """A sticker that goes to the server, to be asked one ``person`` (an account), or anybody ("").

    ``questions`` is the version of the questions that are asked beside tags and domain, "" none.
    """

    purpose: Purpose
    sticker: str
    ballot: str
    batch: str
    gold: bool
    blind: bool
    person: str = ""
    questions: str = ""


@dataclass(frozen=True)
class PlacedTask:
    """The task of a planned sticker; ``suggested`` are the pre-annotation's tags, if shown."""

    sticker: str
    task: int
    suggested: tuple[str, ...] | None
    person: str = ""


@dataclass(frozen=True)
class Project:
    """A project on the server: its number, what it is for, and the interface that we gave it.

    ``person`` is the account whose own it is, "" where it is everybody's. ``cursor`` is the
    server's time up to which answers were read, ``reconciled_at`` that of the last complete
    reading.
    """

    project: int
    purpose: Purpose
    ballot: str
    interface: str
    cursor: str | None
    reconciled_at: str | None
    person: str = ""
    questions: str = ""


@dataclass(frozen=True)
class AnnotationVersion:
    """One version of an annotation: ``content`` is the server's own JSON, ``digest`` its hash."""

    origin: str
    project: int
    task: int
    sticker: str
    annotation: int
    digest: str
    content: str


class VoteLedger:
    """An open ledger; make one with open_ledger() or read_ledger()."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path

    @property
    def identity(self) -> str:
        """A name that tells our projects on the server from those of others."""
        rows = self.rows("SELECT name FROM identity")
        if rows:
            return str(rows[0]["name"])
        with self._safely():
            self.connection.execute(
                "INSERT INTO identity SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)",
                (uuid.uuid4().hex,),
            )
        return self.identity

    def ballot(self) -> Ballot | None:
        """The newest frozen tag set; None before the first export."""
        rows = self.rows("SELECT version, tags FROM ballots ORDER BY number DESC LIMIT 1")
        return Ballot(rows[0]["version"], tuple(json.loads(rows[0]["tags"]))) if rows else None

    def tag_changes(self) -> list[dict[str, Any]]:
        """Rows of the table of that name."""
        rows = self.rows("SELECT * FROM tag_changes ORDER BY from_version, tag")
        return [{**dict(row), "becomes": json.loads(row["becomes"])} for row in rows]

    def know(self, people: Iterable[Person]) -> None:
        """Note users whose answers count; who was noted once stays, since past votes are theirs."""
        with self.writing():
            self.connection.executemany(sql.PERSON, [asdict(person) for person in people])

    def people(self) -> list[Person]:
        """All users whose answers count."""
        return [Person(**dict(row)) for row in self.rows("SELECT * FROM people ORDER BY 1, 2")]

    def projects(self) -> list[Project]:
        """All projects, in order."""
        return [Project(**dict(row)) for row in self.rows("SELECT * FROM projects ORDER BY 1")]

    def add_project(self, project: Project) -> None:
        """Note a project of the server."""
        with self.writing():
            self.connection.execute(
                "INSERT INTO projects (project, purpose, ballot, questions, person, interface) "
                "VALUES (:project, :purpose, :ballot, :questions, :person, :interface)",
                asdict(project),
            )

    def plan(self, rows: Iterable[Planned]) -> None:
        """Note which stickers go to the server; those that are noted already stay as they are."""
        with self.writing():
            self.connection.executemany(sql.PLAN, [asdict(row) for row in rows])

    def waiting(self, purpose: Purpose) -> list[Planned]:
        """Planned stickers whose task is not noted yet."""
        rows = self.rows(
            "SELECT purpose, sticker, ballot, batch, gold, blind, person, questions FROM tasks "
            "WHERE purpose = ? AND task IS NULL AND withdrawn_at IS NULL "
            "ORDER BY batch, sticker, person",
            purpose,
        )
        return [
            Planned(**{**dict(row), "gold": bool(row["gold"]), "blind": bool(row["blind"])})
            for row in rows
        ]

    def place(self, purpose: Purpose, project: int, when: str, rows: Iterable[PlacedTask]) -> None:
        """Note the tasks that the server made."""
        with self.writing():
            self.connection.executemany(
                sql.PLACED,
                [
                    {
                        "purpose": purpose,
                        "project": project,
                        "exported_at": when,
                        "sticker": row.sticker,
                        "person": row.person,
                        "task": row.task,
                        "suggested": None if row.suggested is None else as_json(row.suggested),
                    }
                    for row in rows
                ],
            )

    def tasks(self, purpose: Purpose | None = None) -> list[dict[str, Any]]:
        """Every planned or exported task, in order of batch, sticker and person."""
        rows = self.rows(
            "SELECT * FROM tasks WHERE ? IS NULL OR purpose = ? "
            "ORDER BY purpose, batch, sticker, person",
            purpose,
            purpose,
        )
        return [dict(row) for row in rows]

    def wanted(self) -> dict[str, int]:
        """How many votes stickers are to get, of those for which somebody asked for more."""
        return {row["sticker"]: row["votes"] for row in self.rows("SELECT * FROM wanted")}

    def departed(self) -> dict[str, str]:
        """When people left who aren't back, by account: UTC times in ISO 8601."""
        rows = self.rows(
            "SELECT person, min(left_at) AS at FROM departures WHERE back_at IS NULL "
            "GROUP BY person ORDER BY person"
        )
        return {row["person"]: row["at"] for row in rows}

    def append(
        self, answers: Iterable[AnnotationVersion], gone: Iterable[tuple[str, int, int]], when: str
    ) -> int:
        """Add versions of annotations, and (origin, project, annotation) that the server lost.

        Returns how many versions were new.
        """
        before = self.connection.total_changes
        with self.writing():
            self.connection.executemany(sql.APPEND, [asdict(answer) for answer in answers])
            added = self.connection.total_changes - before
            self.connection.executemany(
                sql.DELETED,
                [
                    {
                        "origin": origin,
                        "project": project,
                        "annotation": annotation,
                        "seen_at": when,
                    }
                    for origin, project, annotation in gone
                ],
            )
        return added

    def known(self, origin: str, project: int, task: int | None = None) -> set[int]:
        """Annotations of a task (None: of the project) not yet seen to be deleted."""
        values = {"origin": origin, "project": project, "task": task}
        with self._safely():
            rows = self.connection.execute(sql.KNOWN, values).fetchall()
        return {int(row["annotation"]) for row in rows}

    def read_up_to(self, project: int, cursor: str | None, reconciled_at: str | None) -> None:
        """Note how far a project's answers were read; None leaves a value as it was."""
        with self.writing():
            self.connection.execute(
                "UPDATE projects SET cursor = coalesce(?, cursor), "
                "reconciled_at = coalesce(?, reconciled_at) WHERE project = ?",
                (cursor, reconciled_at, project),
            )

    def everything(self) -> Iterator[dict[str, Any]]:
        """Every version of every annotation beside the task that it answers, as they came."""
        for row in self.rows(sql.EVERYTHING):
            yield dict(row)

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """What a statement finds."""
        with self._safely():
            return self.connection.execute(statement, values).fetchall()

    @contextmanager
    def _safely(self) -> Iterator[None]:
        with _DATABASE.errors(self.path):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All statements of the block or none."""
        with self._safely(), transaction(self.connection):
            yield


@contextmanager
def open_ledger(root: Path) -> Iterator[VoteLedger]:
    """Open or make the ledger of the workspace ``root``."""
    path = root / LEDGER
    with _DATABASE.open(path) as connection:
        yield VoteLedger(connection, path)


@contextmanager
def read_ledger(root: Path) -> Iterator[VoteLedger]:
    """The ledger of the workspace ``root`` for reading alone; an empty one before any export.

    Nothing is written, made or upgraded, so that it can be read beside a command that writes.
    """
    path = root / LEDGER
    with _DATABASE.read(path) as connection:
        yield VoteLedger(connection, path)


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
