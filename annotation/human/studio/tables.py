"""The annotation ledger as tables of the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from annotation.human.studio.asked_questions import asked_questions
from annotation.human.studio.corrected import write_corrected
from annotation.human.studio.gold import read_gold
from annotation.human.studio.ledger import VoteLedger
from annotation.human.studio.reading import ReadingContext, read_answers
from pipeline.engine.storage import Proof, read_proof, write_table
from pipeline.engine.workspace import Workspace
from schemas.labelling import LabelConfig
from schemas.questions import question_rows
from schemas.tables import TABLES

ANSWERS = "label votes"
"""In the proof of a table of votes that people gave."""


def write_asked(workspace: Workspace, ledger: VoteLedger) -> None:
    """Write what people were asked: ``ballot``, ``tag_changes``, ``questions`` and ``tasks``."""
    ballot = ledger.ballot()
    tags = [] if ballot is None else [{"version": ballot.version, "tag": t} for t in ballot.tags]
    tasks = [row for row in asked_rows(ledger) if row["task"] is not None]
    _write(workspace, "ballot", tags)
    _write(workspace, "tag_changes", ledger.tag_changes())
    asked = [row for one in asked_questions(ledger) for row in question_rows(one.questions)]
    _write(workspace, "questions", asked)
    _write(workspace, "tasks", tasks)


def asked_rows(ledger: VoteLedger) -> list[dict[str, Any]]:
    """Rows of the table ``tasks``, among them those that wait to be sent and have no number."""
    return [_task(row) for row in ledger.tasks()]


def answers(workspace: Workspace, ledger: VoteLedger, config: LabelConfig) -> dict[str, pa.Table]:
    """What they answered: ``votes``, ``adjudications`` and ``flags``, by the ledger."""
    stickers = set(workspace.read("stickers", columns=["id"])["id"].to_pylist())
    asked = asked_questions(ledger)
    context = ReadingContext.of(ledger.people(), stickers, config.max_tags, asked)
    return read_answers(ledger.everything(), context).as_arrow()


def write_answers(workspace: Workspace, ledger: VoteLedger, config: LabelConfig) -> dict[str, int]:
    """Write what they answered, and ``gold`` beside it; returns the rows of each table."""
    made = {"gold": read_gold(config), **answers(workspace, ledger, config)}
    for name, table in made.items():
        write_table(workspace.path(name), table, Proof(f"label {name}", "ledger"))
    write_corrected(workspace, ledger)
    return {name: len(table) for name, table in made.items()}


def simulated_votes(workspace: Workspace) -> int:
    """Votes in the workspace that no person gave; an import takes their place."""
    proof = read_proof(workspace.path("votes"))
    if proof is None or proof.stage == ANSWERS:
        return 0
    return int(workspace.rows("votes"))


def _task(row: Mapping[str, Any]) -> dict[str, Any]:
    same = ("purpose", "project", "task", "batch", "exported_at")
    return {
        "id": row["sticker"],
        "person": row["person"] or None,
        "withdrawn": row["withdrawn_at"],
        "gold": bool(row["gold"]),
        "blind": bool(row["blind"]),
        **{name: row[name] for name in same},
    }


def _write(workspace: Workspace, name: str, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
    write_table(workspace.path(name), table, Proof(f"label {name}", "ledger"))
