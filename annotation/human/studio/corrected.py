"""Changes of labels and checks of machine texts in the ledger: added to, never altered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from annotation.human.studio.ledger import VoteLedger, as_json
from pipeline.engine.storage import Proof, write_table
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

_AT_ONCE = 50_000
_CORRECT = """
INSERT INTO corrections (sticker, field, before, after, why, who, at, tagset)
VALUES (:sticker, :field, :before, :after, :why, :who, :at, :tagset)
"""
_CHECK = """
INSERT INTO text_checks (sticker, field, language, captioner, model, revision, prompt, original,
    verdict, corrected, who, at)
VALUES (:sticker, :field, :language, :captioner, :model, :revision, :prompt, :original,
    :verdict, :corrected, :who, :at)
"""


@dataclass(frozen=True)
class Correction:
    """A change of one field of a sticker's label; ``after`` None takes the one before back.

    ``number`` is given by the ledger: 0 until then.
    """

    sticker: str
    field: str
    before: tuple[str, ...]
    after: tuple[str, ...] | None
    why: str
    who: str
    at: str
    tagset: str | None
    number: int = 0


@dataclass(frozen=True)
class TextCheck:
    """What somebody says of a machine's text: right, wrong, or ``corrected`` to another one."""

    sticker: str
    field: str
    language: str
    captioner: str | None
    model: str | None
    revision: str | None
    prompt: str | None
    original: str
    verdict: str
    corrected: str | None
    who: str
    at: str


def add_corrections(ledger: VoteLedger, corrections: Iterable[Correction]) -> None:
    """Append changes of labels, all or none."""
    rows = (
        {
            **asdict(one),
            "before": as_json(one.before),
            "after": None if one.after is None else as_json(one.after),
        }
        for one in corrections
    )
    with ledger.writing():
        ledger.connection.executemany(_CORRECT, rows)


def corrections_of(ledger: VoteLedger, sticker: str | None = None) -> list[Correction]:
    """All changes, or those of one sticker, in the order in which they were made."""
    rows = ledger.rows(
        "SELECT * FROM corrections WHERE ? IS NULL OR sticker = ? ORDER BY number", sticker, sticker
    )
    return [
        Correction(
            **{
                **dict(row),
                "before": tuple(json.loads(row["before"] or "[]")),
                "after": None if row["after"] is None else tuple(json.loads(row["after"])),
            }
        )
        for row in rows
    ]


def standing(corrections: Sequence[Correction]) -> dict[tuple[str, str], Correction]:
    """The changes that hold, by sticker and field: the last that wasn't taken back."""
    stacks: dict[tuple[str, str], list[Correction]] = {}
    for one in corrections:
        stack = stacks.setdefault((one.sticker, one.field), [])
        if one.after is not None:
            stack.append(one)
        elif stack:
            stack.pop()
    return {key: stack[-1] for key, stack in stacks.items() if stack}


def add_checks(ledger: VoteLedger, checks: Iterable[TextCheck]) -> None:
    """Append checks of texts, all or none."""
    with ledger.writing():
        ledger.connection.executemany(_CHECK, [asdict(one) for one in checks])


def write_corrected(workspace: Workspace, ledger: VoteLedger) -> None:
    """Write the tables ``corrections`` and ``text_checks``, by the ledger.

    A workspace without any has no such tables, so that nothing made before is made anew.
    """
    for name in ("corrections", "text_checks"):
        table = _as_table(ledger, name)
        if len(table) or workspace.has(name):
            write_table(workspace.path(name), table, Proof(f"label {name}", "ledger"))


def _as_table(ledger: VoteLedger, name: str) -> pa.Table:
    """All rows of a table of the ledger, so many at a time."""
    schema = TABLES[name].schema
    made = [schema.empty_table()]
    last = 0
    statement = f"SELECT * FROM {name} WHERE number > ? ORDER BY number LIMIT {_AT_ONCE}"  # noqa: S608
    while rows := ledger.rows(statement, last):
        made.append(pa.Table.from_pylist([_row(dict(row)) for row in rows], schema=schema))
        last = rows[-1]["number"]
    return pa.concat_tables(made)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    lists = {
        name: json.loads(row[name]) for name in ("before", "after") if row.get(name) is not None
    }
    return {**row, "id": row["sticker"], **lists}
