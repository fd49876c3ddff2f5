"""Answers that don't count, and answers that are gone from the server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.workspace import Workspace

_EXAMPLES = 5
_WHO = {"votes": "annotator", "adjudications": "adjudicator", "flags": "reviewer"}


@dataclass(frozen=True)
class Example:
    """One answer that doesn't count: where it was given, and by whom."""

    id: str
    who: str
    annotation: str | None
    task: int | None


@dataclass(frozen=True)
class Quarantined:
    """Answers of one table that don't count, for one reason, with a few of them."""

    table: str
    reason: str
    answers: int
    examples: tuple[Example, ...]


def quarantined(workspace: Workspace) -> Iterator[Quarantined]:
    """Answers by table and reason, most frequent first; of each only its latest version."""
    for table, who in _WHO.items():
        reasons: dict[str, list[dict[str, Any]]] = {}
        for row in _latest(workspace.read(table)):
            if row["quarantined"] is not None:
                reasons.setdefault(row["quarantined"], []).append(row)
        for reason in sorted(reasons, key=lambda reason: (-len(reasons[reason]), reason)):
            rows = reasons[reason]
            shown = [
                Example(row["id"], row[who], row["annotation"], row["task"])
                for row in rows[-_EXAMPLES:]
            ]
            yield Quarantined(table, reason, len(rows), tuple(reversed(shown)))


def count_deleted(votes: pa.Table) -> int:
    """Annotations of the table ``votes`` that were seen to be gone from the server."""
    gone = votes.filter(pc.fill_null(votes["deleted"], False))
    return len(set(zip(gone["origin"].to_pylist(), gone["annotation"].to_pylist(), strict=True)))


def _latest(answers: pa.Table) -> list[dict[str, Any]]:
    """The latest version of each annotation, in order of time."""
    rows = sorted(answers.to_pylist(), key=lambda row: row["sequence"] or 0)
    latest: dict[Any, dict[str, Any]] = {}
    for number, row in enumerate(rows):
        name = (row.get("origin"), row["annotation"] or number)
        latest.pop(name, None)
        latest[name] = row
    return list(latest.values())
