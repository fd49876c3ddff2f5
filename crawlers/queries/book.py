"""The ledger's book of queries: which are planned, how far each is listed, and whose turn it is.

A query's turn is its next page. The book holds what is left of it as cursors, so that a crawl
goes on at any page; a page counts only when all that it lists is in the ledger.
"""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from crawlers.ledger.ledger import CrawlLedger, ledger_errors
from crawlers.queries import sql
from crawlers.source import Cursor
from pipeline.engine.database import transaction

LEFT_OUT = "left_out"
"""Class of the error of a query that was listed but for something within it."""

Key = tuple[int, int]


@dataclass(frozen=True)
class Turn:
    """A query and how far it is listed: its next page is the first of ``cursors``.

    ``listing_pass`` counts how often it has been listed from the start, this time included;
    ``whole`` is whether it was once listed to the source's own end. ``note`` is what people should
    know of its listing: a class and a text.
    """

    query: str
    place: int
    listing_pass: int
    pages: int
    listed: int
    cursors: tuple[Cursor, ...]
    total: int | None = None
    last_page: str | None = None
    whole: bool = False
    note: tuple[str, str] | None = None
    empty: int = 0

    @property
    def key(self) -> Key:
        """Whose turn it is: the query with the fewest pages, then the one that is planned first."""
        return self.pages, self.place


class QueryBook:
    """The queries of one source with one set of options, its ``scope``."""

    def __init__(self, ledger: CrawlLedger, source: str, scope: str) -> None:
        self._ledger = ledger
        self._of = {"source": source, "scope": scope}

    def plan(self, queries: Iterable[str]) -> int:
        """Note which queries are wanted, in order; how many they are.

        Those that are no longer wanted keep what is known of them.
        """
        rows = ((place, query) for place, query in enumerate(queries))
        with ledger_errors(self._ledger.path), transaction(self._connection):
            self._connection.execute(sql.PLANNED_TABLE)
            self._connection.execute("DELETE FROM temp.planned")
            self._connection.executemany("INSERT OR IGNORE INTO temp.planned VALUES (?, ?)", rows)
            self._connection.execute(sql.UNPLAN, self._of)
            self._connection.execute(sql.PLAN, self._of)
            count: int = self._connection.execute("SELECT count(*) FROM temp.planned").fetchone()[0]
            self._connection.execute("DELETE FROM temp.planned")
        return count

    def begin(self, policy: str, checked_before: float | None = None) -> None:
        """Where nothing is left of any planned query, list all of them once more.

        A query that was once listed to its end stops at its first page without anything new,
        unless something that it listed is still to be had, was refused by other settings than
        ``policy``, or was last asked for before that POSIX time. One that failed goes on where it
        did.
        """
        if self.has_open():
            return
        with ledger_errors(self._ledger.path), transaction(self._connection):
            for statement in sql.BEGIN:
                self._connection.execute(statement, self._of | {"policy": policy})
            if checked_before is not None:
                for statement in sql.EXPIRE:
                    values = self._of | {"checked_before": checked_before}
                    self._connection.execute(statement, values)
            self._connection.execute(sql.REOPEN, self._of)

    def has_open(self) -> bool:
        """Whether anything is left of a planned query."""
        with ledger_errors(self._ledger.path):
            return self._connection.execute(sql.ANY_OPEN, self._of).fetchone() is not None

    def stickers(self) -> Iterator[str]:
        """Hashes of what the planned queries have given on pages that aren't read again."""
        with ledger_errors(self._ledger.path):
            rows = self._connection.execute(sql.STICKERS_OF_BEGUN, self._of)
            yield from (row[0] for row in rows)

    def turns(self, after: Key, count: int) -> list[Turn]:
        """At most so many turns, in order, behind the one with that key."""
        values = self._of | {"pages": after[0], "place": after[1], "count": count}
        with ledger_errors(self._ledger.path):
            return [_turn(row) for row in self._connection.execute(sql.TURNS, values)]

    def advance(self, turn: Turn) -> None:
        """Note that all pages before this turn are in the ledger."""
        state = "open" if turn.cursors else "done"
        self._write(turn, state, *(turn.note or (None, None)))

    def fail(self, turn: Turn, error_class: str, error: str) -> None:
        """Note that the query can't be listed further, and why."""
        self._write(turn, "failed", error_class, error)

    def note(self, error_class: str | None, error: str | None) -> None:
        """Note why the queries that are left are left."""
        values = self._of | {"error_class": error_class, "error": error}
        with ledger_errors(self._ledger.path):
            self._connection.execute(sql.NOTE_OPEN, values)

    def asked_today(self) -> int:
        """Requests for listings that the source had today (UTC)."""
        values = self._of | {"day": _today()}
        with ledger_errors(self._ledger.path):
            row = self._connection.execute(sql.ASKED, values).fetchone()
        return int(row[0]) if row else 0

    def ask(self) -> None:
        """Count a request for a listing."""
        with ledger_errors(self._ledger.path):
            self._connection.execute(sql.ASK, self._of | {"day": _today()})

    def _write(self, turn: Turn, state: str, error_class: str | None, error: str | None) -> None:
        values: dict[str, Any] = self._of | {
            "query": turn.query,
            "state": state,
            # As ASCII: a source may cut a text in the middle of a character.
            "cursors": json.dumps(turn.cursors, sort_keys=True),
            "pages": turn.pages,
            "listed": turn.listed,
            "total": turn.total,
            "last_page": turn.last_page,
            "whole": int(turn.whole),
            "listed_at": time.time(),
            "error_class": error_class,
            "error": error,
        }
        with ledger_errors(self._ledger.path):
            self._connection.execute(sql.ADVANCE, values)

    @property
    def _connection(self) -> Any:
        return self._ledger.connection


class Turns:
    """Whose turn it is next, fair between queries: the one that has had the fewest pages.

    Only a window of the book is held: 600,000 queries are no trouble. A query whose last page
    isn't in the book yet is told by ``put_back`` and ``settled``.
    """

    def __init__(self, book: QueryBook, window: int = 256) -> None:
        self._book = book
        self._window = window
        self._loaded: dict[Key, Turn] = {}
        self._order: list[Key] = []
        self._ahead: dict[str, Turn] = {}
        self._busy: dict[str, int] = {}
        self._read_to: Key | None = (-1, -1)

    def __iter__(self) -> Iterator[Turn]:
        return self

    def __next__(self) -> Turn:
        while not self._order:
            if self._read_to is None:
                raise StopIteration
            self._load()
        turn = self._loaded.pop(heapq.heappop(self._order))
        self._busy[turn.query] = self._busy.get(turn.query, 0) + 1
        return turn

    def put_back(self, turn: Turn) -> None:
        """The query goes on: its next page takes its turn among the others."""
        if self._read_to is None or turn.key <= self._read_to:
            self._push(turn)
        else:
            self._ahead[turn.query] = turn

    def settled(self, query: str) -> None:
        """A page of the query is in the book."""
        self._busy[query] -= 1
        if not self._busy[query]:
            # What is in the book is read from there when its turn comes.
            del self._busy[query]
            self._ahead.pop(query, None)

    def _push(self, turn: Turn) -> None:
        self._loaded[turn.key] = turn
        heapq.heappush(self._order, turn.key)

    def _load(self) -> None:
        assert self._read_to is not None
        found = self._book.turns(self._read_to, self._window)
        self._read_to = found[-1].key if len(found) == self._window else None
        held = {turn.query for turn in self._loaded.values()}
        for turn in found:
            if turn.query not in self._busy and turn.query not in held:
                self._push(turn)
        for turn in list(self._ahead.values()):
            if self._read_to is None or turn.key <= self._read_to:
                del self._ahead[turn.query]
                self._push(turn)


def _turn(row: Any) -> Turn:
    cursors: Sequence[Cursor] = json.loads(row["cursors"])
    return Turn(
        row["query"],
        row["place"],
        row["pass"],
        row["pages"],
        row["listed"],
        tuple(cursors),
        row["total"],
        row["last_page"],
        bool(row["whole"]),
        (LEFT_OUT, row["error"]) if row["error_class"] == LEFT_OUT else None,
    )


def after_page(
    turn: Turn, next_cursors: Iterable[Cursor], listed: int, total: int | None, page: str | None
) -> Turn:
    """The query's turn after a page: what that page leads to comes before what is left."""
    return replace(
        turn,
        pages=turn.pages + 1,
        listed=turn.listed + listed,
        cursors=(*next_cursors, *turn.cursors[1:]),
        total=turn.total if total is None else total,
        last_page=turn.last_page if page is None else page,
    )


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
