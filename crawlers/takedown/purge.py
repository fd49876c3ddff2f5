"""Takes what was taken down out of the crawl's ledger, and out of the tables made of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence

from crawlers.ledger.export import export_placed
from crawlers.ledger.ledger import LEDGER, CrawlLedger, hash_address, ledger_errors, open_ledger
from crawlers.takedown.entries import Entry
from crawlers.takedown.takedown import Takedown
from pipeline.engine.database import choose, compact, transaction
from pipeline.engine.workspace import Workspace

Names = Sequence[tuple[str, str]]
"""Kinds (url, pack, author) and values, in the forms of ``forms``."""


def purge_crawl(workspace: Workspace, ids: Collection[str], names: Names) -> None:
    """Take stickers, and all that is listed under some names, out of the ledger and its tables.

    Stickers that stay keep their order; nothing else changes. Safe to be killed and run again.
    """
    path = workspace.root / LEDGER
    if not path.exists():
        return
    with open_ledger(path) as ledger, ledger_errors(path):
        _purge(ledger, ids, names)
        compact(ledger.connection)
        export_placed(workspace, ledger)
        workspace.place.save(LEDGER.as_posix())


def _purge(ledger: CrawlLedger, ids: Collection[str], names: Names) -> None:
    connection = ledger.connection
    named = list(_named(connection, names))
    choose(connection, ids)
    with transaction(connection):
        addresses = {url for (url,) in connection.execute(_ADDRESSES) if url}
        hashes = ((hash_address(url),) for url in sorted(addresses))
        connection.executemany("INSERT OR IGNORE INTO taken_down VALUES (?)", hashes)
        items = connection.execute(_ITEMS).fetchall()
        connection.executemany("DELETE FROM observations WHERE rowid = ?", named)
        connection.execute("DELETE FROM observations WHERE sha256 IN (SELECT value FROM chosen)")
        # What lies at the same address, or is the same item, is the same sticker under other words.
        connection.executemany(_OF_ITEM, [(row["source"], row["source_id"]) for row in items])
        parts = [part for (part,) in connection.execute(_PARTS)]
        connection.execute("DELETE FROM packed WHERE sha256 IN (SELECT value FROM chosen)")
        connection.execute("DELETE FROM blobs WHERE sha256 IN (SELECT value FROM chosen)")
        for part in parts:
            _close_ranks(connection, part)
        _clean_cursors(connection, addresses | {row["source_id"] for row in items} | set(ids))


def _named(connection: sqlite3.Connection, names: Names) -> Iterator[tuple[int]]:
    if not names:
        return
    takedown = Takedown(Entry(kind, value, 0) for kind, value in names)
    for row in connection.execute(_WORDS):
        urls = (row["media_url"], row["page_url"], row["final_url"])
        if takedown.objection_to_stored(
            row["source"], row["pack_id"], row["author"]
        ) or takedown.objection_to_urls(urls):
            yield (row["rowid"],)


def _close_ranks(connection: sqlite3.Connection, part: int) -> None:
    rows = connection.execute("SELECT sha256, row FROM blobs WHERE part = ? ORDER BY row", (part,))
    moved = [(new, row["sha256"]) for new, row in enumerate(rows.fetchall()) if row["row"] != new]
    # In ascending order, so that no two are ever at one place.
    connection.executemany("UPDATE blobs SET row = ? WHERE sha256 = ?", moved)


def _clean_cursors(connection: sqlite3.Connection, texts: Collection[str]) -> None:
    """Take entries that name what is gone out of where listings go on, and out of their errors."""
    known = [text for text in texts if len(text) > 3]
    rows = connection.execute("SELECT * FROM queries").fetchall()
    for row in rows:
        cursors = json.loads(row["cursors"])
        kept = [one for one in cursors if not _mentions(json.dumps(one), known)]
        error = row["error"]
        if error and _mentions(error, known):
            error = "it named what was taken down"
        if kept != cursors or error != row["error"]:
            key = (row["source"], row["scope"], row["query"])
            connection.execute(_SET_CURSORS, (json.dumps(kept), error, *key))


def _mentions(text: str, known: Collection[str]) -> bool:
    return any(json.dumps(each)[1:-1] in text or each in text for each in known)


_ADDRESSES = """
SELECT columns ->> '$.media_url' FROM observations WHERE sha256 IN (SELECT value FROM chosen)
UNION SELECT facts ->> '$.final_url' FROM observations
    WHERE sha256 IN (SELECT value FROM chosen)
"""
_ITEMS = """
SELECT DISTINCT source, source_id FROM observations WHERE sha256 IN (SELECT value FROM chosen)
"""
_OF_ITEM = """
DELETE FROM observations WHERE source = ? AND source_id = ? AND state <> 'ok'
"""
_PARTS = """
SELECT DISTINCT part FROM blobs
WHERE sha256 IN (SELECT value FROM chosen) AND part IS NOT NULL ORDER BY part
"""
_WORDS = """
SELECT rowid, source, columns ->> '$.pack_id' AS pack_id, columns ->> '$.author' AS author,
    columns ->> '$.media_url' AS media_url, columns ->> '$.page_url' AS page_url,
    facts ->> '$.final_url' AS final_url
FROM observations
WHERE sha256 IS NULL OR state <> 'ok'
"""
_SET_CURSORS = """
UPDATE queries SET cursors = ?, error = ? WHERE (source, scope, query) = (?, ?, ?)
"""
