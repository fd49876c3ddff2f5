"""How many votes stickers are to get in all, where that is more than merge.annotators."""

from __future__ import annotations

from collections.abc import Mapping

from annotation.human.studio.ledger import VoteLedger


def want(ledger: VoteLedger, votes: Mapping[str, int]) -> int:
    """Note the votes wanted; a sticker keeps the greater number. Returns how many are new or more.

    Nothing is asked yet: `label assign` does.
    """
    before = wanted(ledger)
    more = {id_: count for id_, count in votes.items() if count > before.get(id_, 0)}
    with ledger.writing():
        ledger.connection.executemany(
            "INSERT INTO wanted (sticker, votes) VALUES (?, ?) "
            "ON CONFLICT (sticker) DO UPDATE SET votes = excluded.votes",
            sorted(more.items()),
        )
    return len(more)


def wanted(ledger: VoteLedger) -> dict[str, int]:
    """Votes wanted of each sticker."""
    rows = ledger.rows("SELECT sticker, votes FROM wanted ORDER BY sticker")
    return {row["sticker"]: int(row["votes"]) for row in rows}


def clear(ledger: VoteLedger) -> int:
    """Want no more than merge.annotators of any sticker; what was asked already stays."""
    count = len(wanted(ledger))
    with ledger.writing():
        ledger.connection.execute("DELETE FROM wanted")
    return count


def left_people(ledger: VoteLedger) -> frozenset[str]:
    """People who left and aren't back."""
    rows = ledger.rows("SELECT person FROM departures WHERE back_at IS NULL")
    return frozenset(row["person"] for row in rows)
