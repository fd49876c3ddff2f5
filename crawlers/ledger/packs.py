"""Bytes of stickers one after the other in a few large files, where single files are dear.

A pack holds new stickers of one shard, in its order, and never changes: its name ends in a hash of
its bytes, so that a crawl that is killed and run again finds its own.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from typing import Any

from crawlers.ledger.ledger import CrawlLedger
from pipeline.engine.database import transaction
from pipeline.engine.store.contract import ANYTHING, Store
from pipeline.engine.workspace import Workspace

_FOLDER = "media"
_SUFFIX = ".pack"
# Held in memory while it is made, and sent in one request.
_PACK_BYTES = 64 << 20


def pack_new(workspace: Workspace, ledger: CrawlLedger) -> None:
    """Pack what the shards hold that lies in no pack yet, or in one that was lost.

    Bytes whose file is gone or has changed stay out, and their readers say so.
    """
    store = workspace.store
    there = set(store.list(_FOLDER))
    connection = ledger.connection
    known = (row[0] for row in connection.execute("SELECT DISTINCT pack FROM packed"))
    lost = [(name,) for name in known if name not in there]
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS lost (pack PRIMARY KEY)")
    connection.execute("DELETE FROM temp.lost")
    connection.executemany("INSERT INTO temp.lost VALUES (?)", lost)
    for (part,) in connection.execute(_PARTS).fetchall():
        rows = connection.execute(_UNPACKED, (part,)).fetchall()
        for first, members, content in _filled(workspace, rows):
            name = _write(store, part, first, content)
            with transaction(ledger.connection):
                ledger.connection.executemany(_PACKED, [(key, name, at) for key, at in members])


def drop_unknown(workspace: Workspace, ledger: CrawlLedger) -> None:
    """Remove packs of crawls that were killed before they could note them."""
    known = {row[0] for row in ledger.connection.execute("SELECT DISTINCT pack FROM packed")}
    there = workspace.store.list(_FOLDER)
    workspace.store.delete([name for name in there if name.endswith(_SUFFIX) and name not in known])


def drop_files(workspace: Workspace, ledger: CrawlLedger) -> None:
    """Remove our own files of what lies in packs."""
    for path in workspace.media.glob("??/*"):
        if ledger.pack(path.stem) is not None:
            path.unlink()


def pack_name(part: int, first: int, content: bytes) -> str:
    """Name of the pack of a shard's stickers from the row ``first`` on."""
    digest = hashlib.sha256(content).hexdigest()[:16]
    return f"{_FOLDER}/part-{part:05d}-{first:05d}-{digest}{_SUFFIX}"


def _filled(
    workspace: Workspace, rows: list[sqlite3.Row]
) -> Iterator[tuple[int, list[tuple[str, int]], bytes]]:
    """Packs: the first sticker's row, each sticker's hash with its place, and the bytes."""
    first, content = 0, bytearray()
    members: list[tuple[str, int]] = []
    for row in rows:
        data = _read(workspace, row)
        if data is None:
            continue
        if content and len(content) + len(data) > _PACK_BYTES:
            yield first, members, bytes(content)
            members, content = [], bytearray()
        if not content:
            first = row["row"]
        members.append((row["sha256"], len(content)))
        content += data
    if content:
        yield first, members, bytes(content)


def _read(workspace: Workspace, row: Any) -> bytes | None:
    try:
        data = (workspace.root / row["path"]).read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == row["sha256"] else None


def _write(store: Store, part: int, first: int, content: bytes) -> str:
    name = pack_name(part, first, content)
    seen = store.stat(name)
    if seen is None or seen.nbytes != len(content):
        store.write(name, content, ANYTHING)
    return name


_FROM = """
FROM blobs AS b LEFT JOIN packed AS p USING (sha256)
WHERE (p.pack IS NULL OR p.pack IN (SELECT pack FROM temp.lost)) AND EXISTS (
    SELECT * FROM observations AS s WHERE s.sha256 = b.sha256 AND s.state = 'ok'
)
"""
_PARTS = f"SELECT DISTINCT b.part {_FROM} AND b.part IS NOT NULL ORDER BY b.part"
_UNPACKED = f"SELECT b.* {_FROM} AND b.part = ? ORDER BY b.row"
_PACKED = "INSERT OR REPLACE INTO packed (sha256, pack, offset) VALUES (?, ?, ?)"
