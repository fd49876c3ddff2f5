"""Projects that an import could not read to their end."""

from __future__ import annotations

from annotation.human.studio.ledger import VoteLedger

_BEGINNING = "1970-01-01T00:00:00.000000+00:00"


def note_unread(ledger: VoteLedger, project: int) -> None:
    """Note that a project was read, but not all of it: the next reading is a whole one."""
    with ledger.writing():
        ledger.connection.execute(
            "UPDATE projects SET cursor = coalesce(cursor, ?), reconciled_at = NULL "
            "WHERE project = ?",
            (_BEGINNING, project),
        )


def unread_projects(ledger: VoteLedger) -> tuple[int, ...]:
    """Projects of which the last import could not read everything."""
    rows = ledger.rows(
        "SELECT project FROM projects WHERE cursor IS NOT NULL AND reconciled_at IS NULL "
        "ORDER BY project"
    )
    return tuple(int(row["project"]) for row in rows)
