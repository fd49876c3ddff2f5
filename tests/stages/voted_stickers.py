"""A workspace with a ledger of answers that no server was needed for, and tag sets at will."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from annotation.human.studio.ballot import current_ballot
from annotation.human.studio.ledger import (
    AnnotationVersion,
    Person,
    PlacedTask,
    Planned,
    Project,
    VoteLedger,
    open_ledger,
)
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

Votes = Mapping[str, Sequence[Sequence[str] | None]]
"""Tags that each annotator gave to a sticker, None for a skip; by the sticker."""

PEOPLE = ("ann", "bob", "cy")
LEAD = 9


def write_rows(workspace: Workspace, name: str, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
    part = None if TABLES[name].scope == "global" else 0
    workspace.write(name, part, table, Proof(name, "test"))


def write_tagset(workspace: Workspace, version: str, tags: Sequence[str | dict[str, Any]]) -> None:
    """Tags by name, or as rows that say more."""
    rows = [tag if isinstance(tag, dict) else {"tag": tag} for tag in tags]
    write_rows(workspace, "tagset", [{"version": version, **row} for row in rows])


def write_stickers(workspace: Workspace, ids: Sequence[str]) -> None:
    write_rows(workspace, "stickers", [{"id": key} for key in ids])
    kept = [{"id": key, "kept": True, "outcome": "kept"} for key in ids]
    write_rows(workspace, "decisions", kept)


def write_shards(workspace: Workspace, ids: Sequence[str], size: int = 1000) -> None:
    """Stickers in shards, about which no filter has decided."""
    for part, start in enumerate(range(0, len(ids), size)):
        rows = [{"id": key} for key in ids[start : start + size]]
        table = pa.Table.from_pylist(rows, schema=TABLES["stickers"].schema)
        workspace.write("stickers", part, table, Proof("stickers", "test"))


def ask(root: Path, votes: Votes, decisions: Mapping[str, Sequence[str]], left: str = "") -> None:
    """Export the tag set of now for these stickers, and note what was answered.

    ``left`` is planned and never reaches the server.
    """
    with open_ledger(root) as ledger:
        ballot = current_ballot(Workspace(root), ledger, keep=False)
        ledger.know([Person("server", LEAD, "lead", "lead")])
        ledger.know(Person("server", n, name, "annotator") for n, name in enumerate(PEOPLE, 1))
        answers = []
        for project, said in (("labelling", votes), ("adjudication", decisions)):
            if not said:
                continue
            number = 1 + sum(p.project for p in ledger.projects())
            purpose: Any = project
            ledger.add_project(Project(number, purpose, ballot.version, "x", None, None))
            plan = [
                Planned(purpose, key, ballot.version, "b", gold=False, blind=False) for key in said
            ]
            ledger.plan(plan)
            placed = [PlacedTask(key, n, None) for n, key in enumerate(said, 1)]
            ledger.place(purpose, number, "2026-01-01T00:00:00+00:00", placed)
            for task, (key, cast) in enumerate(said.items(), 1):
                each: Any = enumerate(cast, 1) if purpose == "labelling" else [(LEAD, cast)]
                answers += [answer(number, task, key, user, tags) for user, tags in each]
        if left:
            ledger.plan([Planned("labelling", left, ballot.version, "c", gold=False, blind=False)])
        ledger.append(answers, (), "now")


def answer(
    project: int, task: int, sticker: str, user: int, tags: Sequence[str] | None
) -> AnnotationVersion:
    given = {"taxonomy": [[tag] for tag in tags or ()]}
    result = [{"from_name": "tags", "type": "taxonomy", "value": given}] if tags else []
    content = {
        "completed_by": user,
        "was_cancelled": tags is None,
        "result": result,
        "updated_at": f"2026-01-01T00:00:{user:02d}+00:00",
    }
    number = task * 100 + user
    text = json.dumps(content, ensure_ascii=False)
    return AnnotationVersion("server", project, task, sticker, number, str(user), text)


def content_of(ledger: VoteLedger) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables of a ledger, but for what is on record of migrations."""
    names = [row[0] for row in ledger.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {
        f"ledger {name}": [
            tuple(row) for row in ledger.rows(f"SELECT * FROM {name} ORDER BY rowid")
        ]
        for name in names
        if name != "migrations"
    }
