"""Which tables of the ledger are written and current: an export costs what changed since.

A row of ``exported`` says that a table file holds all that the ledger says. It is noted after the
file is written, and triggers remove it in the transaction that changes what the file should hold:
being killed at any moment makes a file be looked at once more, and never keeps an old one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from pipeline.engine.fingerprint import hash_json
from schemas.tables import HOSTS, MEDIA, OBSERVATIONS, QUERIES, STICKERS, TABLES, UNFETCHED

WHOLE = -1
"""Stands for the part of a table that is one file."""

OF_PART = (OBSERVATIONS.name, MEDIA.name, STICKERS.name)
"""Tables of a shard: readers find shards by ``stickers``, so that one is written last."""

_ALL = ("source", "source_id", "query", "variant", "redistribute", "columns", "facts", "state")
_WITH_BYTES = (*_ALL, "sha256", "path")
_WITHOUT = (*_ALL, "error_class", "error", "attempts")
_PLACES = ("part", "row", "sha256", "format", "nbytes", "path", "extension", "c2pa")


@dataclass(frozen=True)
class Mark:
    """A file that holds what the ledger says: ``made`` is how, ``origins`` its tally of hosts."""

    made: str
    digest: str
    rows: int
    origins: str | None = None


@cache
def how_made(name: str, version: str) -> str:
    """Hash of what besides the ledger decides a table's rows: the exporter and the columns."""
    layout = [f"{field.name}:{field.type}:{field.nullable}" for field in TABLES[name].schema]
    return hash_json([version, layout])


def marks_of(connection: sqlite3.Connection, name: str) -> dict[int, tuple[str, str]]:
    """How each file of a table was made, and the digest of its rows, by part."""
    rows = connection.execute("SELECT part, made, digest FROM exported WHERE name = ?", (name,))
    return {part: (made, digest) for part, made, digest in rows.fetchall()}


def set_marks(connection: sqlite3.Connection, part: int, marks: dict[str, Mark]) -> None:
    """Note that these files of a part are current; the caller has written them.

    In one transaction, by the caller: what they tell of hosts is news to that table.
    """
    connection.execute("DELETE FROM exported WHERE name = ?", (HOSTS.name,))
    rows = [
        (part, name, mark.made, mark.digest, mark.rows, mark.origins)
        for name, mark in marks.items()
    ]
    connection.executemany("INSERT OR REPLACE INTO exported VALUES (?, ?, ?, ?, ?, ?)", rows)


def rows_of(connection: sqlite3.Connection, name: str) -> int:
    """Rows of a table in all its files, once they are written."""
    total = "SELECT coalesce(sum(rows), 0) FROM exported WHERE name = ?"
    count: int = connection.execute(total, (name,)).fetchone()[0]
    return count


def _changed(columns: Iterable[str]) -> str:
    names = list(columns)
    old, new = (", ".join(f"{when}.{name}" for name in names) for when in ("old", "new"))
    return f"({old}) IS NOT ({new})"


def _parts(*hashes: str) -> str:
    blobs = f"SELECT part FROM blobs WHERE sha256 IN ({', '.join(hashes)})"  # noqa: S608 - ours
    return f"DELETE FROM exported WHERE part IN ({blobs});"  # noqa: S608 - ours


def _whole(name: str) -> str:
    return f"DELETE FROM exported WHERE part = {WHOLE} AND name = '{name}';"  # noqa: S608 - ours


def _trigger(name: str, event: str, when: str, action: str) -> str:
    return (
        f"CREATE TRIGGER IF NOT EXISTS {name} AFTER {event} FOR EACH ROW "
        f"WHEN {when} BEGIN {action} END;"
    )


def _triggers() -> Iterable[str]:
    failed = "{0}.state NOT IN ('ok', 'pending')"
    for event, rows in (("INSERT", ["new"]), ("DELETE", ["old"]), ("UPDATE", ["old", "new"])):
        small, both = event.lower(), len(rows) == 2
        for kind, columns, state, action in (
            ("shown", _WITH_BYTES, "{0}.state = 'ok'", _parts(*(f"{row}.sha256" for row in rows))),
            ("missed", _WITHOUT, failed, _whole(UNFETCHED.name)),
            ("counted", ("source", "query", "state"), "TRUE", _whole(QUERIES.name)),
        ):
            when = " OR ".join(state.format(row) for row in rows)
            when = f"({when}) AND {_changed(columns)}" if both else when
            yield _trigger(f"{kind}_by_{small}", f"{event} ON observations", when, action)
        placed = " OR ".join(f"{row}.part IS NOT NULL" for row in rows)
        placed = f"({placed}) AND {_changed(_PLACES)}" if both else placed
        parts = ", ".join(f"{row}.part" for row in rows)
        gone = f"DELETE FROM exported WHERE part IN ({parts});"  # noqa: S608 - ours
        yield _trigger(f"placed_by_{small}", f"{event} ON blobs", placed, gone)
        hashes = [f"{row}.sha256" for row in rows]
        yield _trigger(f"packed_by_{small}", f"{event} ON packed", "TRUE", _parts(*hashes))
        yield _trigger(f"asked_by_{small}", f"{event} ON queries", "TRUE", _whole(QUERIES.name))


SCHEMA = """
CREATE TABLE IF NOT EXISTS exported (
    part INTEGER NOT NULL,
    name TEXT NOT NULL,
    made TEXT NOT NULL,
    digest TEXT NOT NULL,
    rows INTEGER NOT NULL,
    origins TEXT,
    PRIMARY KEY (part, name)
) STRICT;
CREATE INDEX IF NOT EXISTS observations_missed ON observations (source, query, error_class)
    WHERE state NOT IN ('ok', 'pending');
CREATE INDEX IF NOT EXISTS observations_counted ON observations (source, query, state);
""" + "\n".join(_triggers())
