"""How many votes stickers are to get in all, where that is more than merge.annotators."""

from __future__ import annotations

from collections.abc import Mapping

from annotation.human.studio.ledger import VoteLedger


def want(ledger: VoteLedger, votes: Mapping[str, int]) -> int:
    """Note the votes wanted; a sticker keeps the greater number. Returns how many are new or more.

    Nothing is asked yet: `label assign` does.
    """
    before = ledger.wanted()
    more = {id_: count for id_, count in votes.items() if count > before.get(id_, 0)}
    with ledger.writing():
        ledger.connection.executemany(
            "INSERT INTO wanted (sticker, votes) VALUES (?, ?) "
            "ON CONFLICT (sticker) DO UPDATE SET votes = excluded.votes",
            sorted(more.items()),
        )
    return len(more)


def want_no_more(ledger: VoteLedger) -> int:
    """Want merge.annotators votes of every sticker again; who was asked already stays asked."""
    count = len(ledger.wanted())
    with ledger.writing():
        ledger.connection.execute("DELETE FROM wanted")
    return count
