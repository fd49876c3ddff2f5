"""Ledger to tables: the same ledger always gives the same bytes.

A sticker's place (shard and row) is written into the ledger once, before any table, and never
changes: full shards of ``stickers`` and ``media`` stay as they are for good.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from crawlers.ledger.ledger import LEDGER, RESTORE, CrawlLedger, ledger_errors
from crawlers.ledger.packs import drop_files, drop_unknown, pack_new
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof, digest_rows, read_proof, write_table
from pipeline.engine.store.object_path import TablePath
from pipeline.engine.workspace import Workspace
from schemas.tables import MEDIA, OBSERVATIONS, STICKERS, UNFETCHED, Table

STAGE = "crawl"
FINGERPRINT = "crawl-export-3"


@dataclass(frozen=True)
class PlacedStickers:
    """Stickers that this export placed, by the source that lists them first."""

    stickers: dict[str, int]
    nbytes: dict[str, int]


@dataclass(frozen=True)
class ExportedShards:
    """What the tables hold after an export, and which files it had to write."""

    placed: PlacedStickers
    stickers: int
    observations: int
    unfetched: int
    written: tuple[TablePath, ...]


def export(
    workspace: Workspace,
    ledger: CrawlLedger,
    sources: Sequence[str],
    shard_rows: int,
    pack: bool = False,
) -> ExportedShards:
    """Place new stickers, ``pack`` their bytes where wanted, and write every table whose rows
    changed.

    ``sources`` is their order in the configuration: new stickers follow it, then the order in
    which their source lists them; sources that are configured no more come last.
    """
    with ledger_errors(ledger.path):
        placed = _place(ledger, sources, shard_rows)
        ledger.connection.execute(_REPOINT)
        parts = _parts(ledger.connection)
        _check_tables(workspace, ledger, len(parts))
        if pack:
            pack_new(workspace, ledger, parts)
        # Tables that others see must never hold a sticker whose place only we know.
        workspace.place.save(LEDGER.as_posix())
        observations = 0
        written: list[TablePath | None] = []
        for part in parts:
            tables = _shard(ledger.connection, part)
            observations += tables[OBSERVATIONS.name].num_rows
            for name, rows in tables.items():
                written.append(_write(workspace.path(name, part), rows))
        failures = _unfetched(ledger.connection)
        written.append(_write(workspace.path(UNFETCHED.name), failures))
        stickers = _count(ledger.connection)
        if pack:
            drop_unknown(workspace, ledger)
            drop_files(workspace, ledger)
    done = tuple(path for path in written if path is not None)
    return ExportedShards(placed, stickers, observations, failures.num_rows, done)


def _place(ledger: CrawlLedger, sources: Sequence[str], shard_rows: int) -> PlacedStickers:
    """Give every new sticker its shard and row, all in one transaction."""
    connection = ledger.connection
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS source_order (source PRIMARY KEY, place)")
    connection.execute("DELETE FROM temp.source_order")
    order = ((name, place) for place, name in enumerate(dict.fromkeys(sources)))
    connection.executemany("INSERT INTO temp.source_order VALUES (?, ?)", order)
    connection.execute("DROP TABLE IF EXISTS temp.unplaced")
    connection.execute(_UNPLACED)
    part, row = _next_place(connection, shard_rows)
    placed = PlacedStickers({}, {})
    connection.execute("BEGIN IMMEDIATE")
    try:
        for new in connection.execute("SELECT * FROM temp.unplaced ORDER BY rowid"):
            values = (part, row, new["path"], new["extension"], new["sha256"])
            if connection.execute(_PLACE, values).rowcount == 0:
                continue  # an earlier observation placed these bytes
            source = new["source"]
            placed.stickers[source] = placed.stickers.get(source, 0) + 1
            placed.nbytes[source] = placed.nbytes.get(source, 0) + new["nbytes"]
            part, row = (part, row + 1) if row + 1 < shard_rows else (part + 1, 0)
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")
    return placed


def _next_place(connection: sqlite3.Connection, shard_rows: int) -> tuple[int, int]:
    last = connection.execute("SELECT max(part) FROM blobs").fetchone()[0]
    if last is None:
        return 0, 0
    rows = connection.execute("SELECT count(*) FROM blobs WHERE part = ?", (last,)).fetchone()[0]
    return (last, rows) if rows < shard_rows else (last + 1, 0)


def _parts(connection: sqlite3.Connection) -> list[int]:
    rows = connection.execute(
        "SELECT DISTINCT part FROM blobs WHERE part IS NOT NULL ORDER BY part"
    )
    return [row[0] for row in rows]


def _count(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM blobs WHERE part IS NOT NULL").fetchone()[
        0
    ]
    return count


def _check_tables(workspace: Workspace, ledger: CrawlLedger, parts: int) -> None:
    """Refuse tables that another ledger made: their shards would be mixed with ours."""
    for part in workspace.parts:
        ids = workspace.read(STICKERS.name, part, ["id"])["id"].to_pylist()
        ours = [row[0] for row in ledger.connection.execute(_IDS, (part,))]
        if part >= parts or ids != ours[: len(ids)]:
            raise StickerworksError(
                f"{workspace.path(STICKERS.name, part)} holds stickers that the ledger "
                f"{ledger.path} doesn't place there.",
                f"The ledger was lost or replaced: {RESTORE}",
            )


def _shard(connection: sqlite3.Connection, part: int) -> dict[str, pa.Table]:
    blobs = connection.execute(_BLOBS, (part,)).fetchall()
    stickers = [_sticker(blob) for blob in blobs]
    media = [_media(blob) for blob in blobs]
    rows = connection.execute(_PLACED, (part,)).fetchall()
    observations = [
        (row["row"], _order(columns), columns) for row in rows for columns in (_observation(row),)
    ]
    observations.sort(key=lambda item: item[:2])
    return {
        # Readers find shards by their ``stickers`` file, so that one is written last.
        OBSERVATIONS.name: _table(OBSERVATIONS, [columns for _, _, columns in observations]),
        MEDIA.name: _table(MEDIA, media),
        STICKERS.name: _table(STICKERS, stickers),
    }


def _sticker(blob: sqlite3.Row) -> dict[str, Any]:
    columns = {name: blob[name] for name in ("format", "extension", "nbytes")}
    c2pa = None if blob["c2pa"] is None else bool(blob["c2pa"])
    return columns | {"id": blob["sha256"], "c2pa": c2pa}


def _media(blob: sqlite3.Row) -> dict[str, Any]:
    # A sticker keeps its place for good; when no source shows it any more, nothing leads to it.
    if not blob["seen"]:
        return {"id": blob["sha256"]}
    if blob["pack"] is None:
        return {"id": blob["sha256"], "path": blob["path"]}
    names = ("pack", "offset", "nbytes")
    return {"id": blob["sha256"]} | {name: blob[name] for name in names}


def _observation(row: sqlite3.Row) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(row["facts"])
    return _as_listed(row) | facts | {"id": row["sha256"], "redistribute": bool(row["allowed"])}


def _unfetched(connection: sqlite3.Connection) -> pa.Table:
    names = ("state", "error_class", "error", "attempts")
    rows = [
        json.loads(row["facts"]) | _as_listed(row) | {name: row[name] for name in names}
        for row in connection.execute(_FAILURES).fetchall()
    ]
    return _table(UNFETCHED, sorted(rows, key=_order))


def _as_listed(row: sqlite3.Row) -> dict[str, Any]:
    columns: dict[str, Any] = json.loads(row["columns"])
    return columns | {
        "source": row["source"],
        "source_id": row["source_id"],
        "query": row["query"] or None,
        "variant": row["variant"] or None,
        "redistribute": bool(row["redistribute"]),
    }


def _order(row: dict[str, Any]) -> tuple[str, str, float, str, str]:
    rank = math.inf if row["rank"] is None else row["rank"]
    return (row["source"], row["query"] or "", rank, row["source_id"], row["variant"] or "")


def _table(table: Table, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=table.schema)


def _write(path: TablePath, rows: pa.Table) -> TablePath | None:
    """Write the file unless it already holds these rows; return it when written."""
    proof = read_proof(path)
    current = Proof(STAGE, FINGERPRINT, counts={"read": rows.num_rows, "kept": rows.num_rows})
    if proof is not None and proof.fingerprint == FINGERPRINT and proof.digest == digest_rows(rows):
        return None
    write_table(path, rows, current)
    return path


_UNPLACED = """
CREATE TEMP TABLE unplaced AS
SELECT s.source, s.sha256, s.path, s.extension, b.nbytes
FROM observations AS s
JOIN blobs AS b USING (sha256)
LEFT JOIN temp.source_order AS o ON o.source = s.source
WHERE s.state = 'ok' AND b.part IS NULL
ORDER BY o.place IS NULL, o.place, s.source, s.listing, s.source_id, s.query, s.variant
"""
_PLACE = """
UPDATE blobs SET part = ?, row = ?, path = ?, extension = ? WHERE sha256 = ? AND part IS NULL
"""
_IDS = "SELECT sha256 FROM blobs WHERE part = ? ORDER BY row"
# Where the file that a path names shows its bytes no more, another that does takes its place.
_REPOINT = """
UPDATE blobs SET path = first.path
FROM (
    SELECT sha256, path, row_number() OVER (
        PARTITION BY sha256 ORDER BY listing, source, source_id, query, variant
    ) AS place
    FROM observations WHERE state = 'ok' AND path IS NOT NULL
) AS first
WHERE blobs.sha256 = first.sha256 AND first.place = 1 AND NOT EXISTS (
    SELECT * FROM observations AS s
    WHERE s.sha256 = blobs.sha256 AND s.state = 'ok' AND s.path = blobs.path
)
"""
_BLOBS = """
SELECT blobs.*, pack, offset, EXISTS (
    SELECT * FROM observations AS s WHERE s.sha256 = blobs.sha256 AND s.state = 'ok'
) AS seen
FROM blobs LEFT JOIN packed USING (sha256) WHERE part = ? ORDER BY row
"""
# Where a source shows the same bytes twice and may not give them on once, it may not at all.
_PLACED = """
SELECT s.*, b.row, min(s.redistribute) OVER (PARTITION BY s.sha256, s.source) AS allowed
FROM observations AS s JOIN blobs AS b USING (sha256)
WHERE b.part = ? AND s.state = 'ok'
"""
_FAILURES = "SELECT * FROM observations WHERE state NOT IN ('ok', 'pending')"
