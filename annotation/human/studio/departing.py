"""People who leave, or give up a part of their work: what they haven't answered is taken from them.

Nothing is deleted on the server, so an answer may still come: it is kept, and doesn't count.
"""

from __future__ import annotations

from datetime import UTC, datetime

from annotation.human.studio.ledger import VoteLedger
from annotation.human.studio.named_person import find_account
from pipeline.engine.errors import StickerworksError
from schemas.config import Config

# No clock decides what came later: whatever the ledger hears of after this has a higher number.
_WITHDRAW = """
UPDATE tasks SET withdrawn_at = :at,
    withdrawn_after = (SELECT coalesce(max(number), 0) FROM annotations)
WHERE rowid IN (
    SELECT rowid FROM tasks
    WHERE purpose = 'labelling' AND person = :person AND withdrawn_at IS NULL
    AND (task IS NULL OR task NOT IN (
        SELECT annotations.task FROM annotations
        JOIN projects ON projects.project = annotations.project
        JOIN people ON people.origin = annotations.origin
            AND people.user = annotations.content ->> 'completed_by'
        WHERE annotations.origin = 'server' AND projects.person = :person
            AND people.name = :person
    ))
    ORDER BY task IS NULL DESC, task DESC, batch DESC, sticker DESC LIMIT :most
)
"""


def leave(ledger: VoteLedger, person: str, by: str | None = None) -> int:
    """Note that somebody left, and withdraw what they haven't answered: how many tasks that were.

    Doing it again changes nothing, but for tasks that they were given in between.
    """
    at = _now()
    with ledger.writing():
        ledger.connection.execute(
            "INSERT INTO departures (person, left_at, by) SELECT ?, ?, ? WHERE NOT EXISTS "
            "(SELECT 1 FROM departures WHERE person = ? AND back_at IS NULL)",
            (person, at, by, person),
        )
        return _withdraw(ledger, person, at, -1)


def withdraw(ledger: VoteLedger, person: str, count: int) -> int:
    """Take so many unanswered tasks from somebody, the last ones; how many there were."""
    with ledger.writing():
        return _withdraw(ledger, person, _now(), count)


def come_back(ledger: VoteLedger, person: str) -> None:
    """Let somebody who left get stickers again; what was taken from them isn't given back."""
    if person not in ledger.departed():
        raise StickerworksError(f"{person} hasn't left.", "Nothing was changed.")
    with ledger.writing():
        ledger.connection.execute(
            "UPDATE departures SET back_at = ? WHERE person = ? AND back_at IS NULL",
            (_now(), person),
        )


def find_person(config: Config, ledger: VoteLedger, named: str) -> str:
    """The account that an account or a person's name means; StickerworksError for nobody's."""
    return find_account(config.label, (row["person"] for row in _asked(ledger)), named)


def _withdraw(ledger: VoteLedger, person: str, at: str, most: int) -> int:
    done = ledger.connection.execute(_WITHDRAW, {"person": person, "at": at, "most": most})
    return done.rowcount


def _asked(ledger: VoteLedger) -> list[dict[str, str]]:
    rows = ledger.rows("SELECT DISTINCT person FROM tasks WHERE person <> ''")
    return [dict(row) for row in rows]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
