"""Applies a changed takedown list to what the ledger holds already."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from crawlers.ledger.ledger import CrawlLedger, FetchFailure, ledger_errors
from crawlers.observation import Key
from crawlers.takedown.takedown import Takedown
from pipeline.engine.database import transaction


def refuse_known(ledger: CrawlLedger, takedown: Takedown) -> tuple[int, int]:
    """Take the bytes away from observations that the list names by now.

    Returns how many there were, and how many others the list names no more.

    The bytes themselves stay where they are, but no table leads to them after the next export.
    What the list names no more is to be fetched again. What was fetched under this same list was
    held against it then. How known pictures look isn't compared: that would decode them all.
    """
    with ledger_errors(ledger.path):
        last = ledger.connection.execute("SELECT digest FROM takedown").fetchone()
        if takedown.digest == (last["digest"] if last else ""):
            return 0, 0
        found = dict(_named(ledger.connection, takedown))
        refused = ledger.connection.execute(_REFUSED)
        freed = [row["rowid"] for row in refused if not takedown.still_names(row["policy"])]
        with transaction(ledger.connection):
            ledger.connection.executemany(_FREE, zip(freed, strict=True))
            for key, failure in found.items():
                ledger.record_failure(key, failure)
            ledger.connection.execute("DELETE FROM takedown")
            ledger.connection.execute("INSERT INTO takedown VALUES (?)", (takedown.digest,))
    return len(found), len(freed)


def _named(
    connection: sqlite3.Connection, takedown: Takedown
) -> Iterator[tuple[Key, FetchFailure]]:
    if takedown.names("pack", "author"):
        for row in connection.execute(_WORDS):
            failure = takedown.objection_to_stored(row["source"], row["pack_id"], row["author"])
            if failure is not None:
                yield _key(row), failure
    if takedown.names("url"):
        for row in connection.execute(_ADDRESSES):
            failure = takedown.objection_to_urls(dict.fromkeys(row[4:]))
            if failure is not None:
                yield _key(row), failure
    if takedown.names("sha256"):
        for (sha256,) in connection.execute(_HASHES):
            failure = takedown.objection_to_hash(sha256)
            if failure is not None:
                for row in connection.execute(_OF_HASH, (sha256,)):
                    yield _key(row), failure


def _key(row: sqlite3.Row) -> Key:
    return Key(row["source"], row["source_id"], row["query"], row["variant"])


_WORDS = """
SELECT source, source_id, query, variant,
    columns ->> '$.pack_id' AS pack_id, columns ->> '$.author' AS author
FROM observations WHERE state = 'ok' AND (pack_id IS NOT NULL OR author IS NOT NULL)
"""
_ADDRESSES = """
SELECT source, source_id, query, variant,
    columns ->> '$.media_url', facts ->> '$.final_url', columns ->> '$.page_url'
FROM observations WHERE state = 'ok'
UNION ALL
SELECT source, source_id, query, variant, value, NULL, NULL
FROM observations, json_each(facts, '$.redirects')
WHERE state = 'ok' AND facts ->> '$.redirects[0]' IS NOT NULL
"""
_REFUSED = "SELECT rowid, policy FROM observations WHERE error_class = 'takedown'"
_FREE = """
UPDATE observations SET state = 'pending', error_class = NULL, error = NULL, policy = NULL
WHERE rowid = ?
"""
_HASHES = "SELECT DISTINCT sha256 FROM observations WHERE sha256 IS NOT NULL"
_OF_HASH = """
SELECT source, source_id, query, variant FROM observations WHERE sha256 = ? AND state = 'ok'
"""
