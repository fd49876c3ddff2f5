"""Ledger to tables: the same ledger always gives the same bytes.

A sticker's place (shard and row) is written into the ledger once, before any table, and never
changes: full shards of ``stickers`` and ``media`` stay as they are for good. What has not changed
since the last export is not looked at (``marks``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from crawlers.ledger.hosts import TALLY, hosts_of, origins_of
from crawlers.ledger.ledger import LEDGER, RESTORE, CrawlLedger, ledger_errors
from crawlers.ledger.marks import OF_PART, WHOLE, Mark, how_made, marks_of, rows_of, set_marks
from crawlers.ledger.packs import drop_files, drop_unknown, pack_new
from crawlers.ledger.placing import PlacedStickers, parts_of, place, repoint
from crawlers.ledger.rows import queries_table, shard_tables, unfetched_table
from pipeline.engine.database import transaction
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import Proof, digest_rows, read_proof, write_table
from pipeline.engine.store.object_path import TablePath
from pipeline.engine.workspace import Workspace
from schemas.tables import HOSTS, OBSERVATIONS, QUERIES, STICKERS, UNFETCHED

STAGE = "crawl"
FINGERPRINT = "crawl-export-2"

_WHOLE: dict[str, Callable[[sqlite3.Connection], pa.Table]] = {
    UNFETCHED.name: unfetched_table,
    QUERIES.name: queries_table,
    HOSTS.name: hosts_of,  # last: from what is kept of all others
}


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
    changed, or whose file is missing or another.

    ``sources`` is their order in the configuration: new stickers follow it, then the order in
    which their source lists them; sources that are configured no more come last.
    """
    connection = ledger.connection
    with ledger_errors(ledger.path):
        placed = place(connection, sources, shard_rows)
        repoint(connection)
        parts = parts_of(connection)
        _check_tables(workspace, ledger, parts)
        if pack:
            pack_new(workspace, ledger)
        # Tables that others see must never hold a sticker whose place only we know.
        workspace.place.save(LEDGER.as_posix())
        written: list[TablePath] = []
        for part in _due(workspace, connection, parts, OF_PART):
            tables = shard_tables(connection, part)
            written += _write_part(workspace, connection, part, tables)
        for name, read in _WHOLE.items():
            if _due(workspace, connection, (WHOLE,), (name,)):
                written += _write_part(workspace, connection, WHOLE, {name: read(connection)})
        if pack:
            drop_unknown(workspace, ledger)
            drop_files(workspace, ledger)
        return ExportedShards(
            placed,
            stickers=rows_of(connection, STICKERS.name),
            observations=rows_of(connection, OBSERVATIONS.name),
            unfetched=rows_of(connection, UNFETCHED.name),
            written=tuple(written),
        )


def export_placed(workspace: Workspace, ledger: CrawlLedger) -> None:
    """Write the tables that differ from the ledger; no sticker gets a place, nothing is packed."""
    connection, parts = ledger.connection, parts_of(ledger.connection)
    for name in OF_PART:
        for part in workspace.parts_of(name):
            if part not in parts:  # nothing is left of the last ones
                workspace.path(name, part).unlink(missing_ok=True)
    for part in _due(workspace, connection, parts, OF_PART):
        _write_part(workspace, connection, part, shard_tables(connection, part))
    for name, read in _WHOLE.items():
        if _due(workspace, connection, (WHOLE,), (name,)):
            _write_part(workspace, connection, WHOLE, {name: read(connection)})


def _due(
    workspace: Workspace,
    connection: sqlite3.Connection,
    parts: Sequence[int],
    names: Sequence[str],
) -> list[int]:
    """Parts with a file of these tables that isn't known to hold what the ledger says."""
    due: set[int] = set()
    for name in names:
        marks, made = marks_of(connection, name), _made(name)
        files = [None if part == WHOLE else part for part in parts]
        for part, digest in zip(parts, workspace.digests(name, files), strict=True):
            if marks.get(part) != (made, digest):
                due.add(part)
    return sorted(due)


def _check_tables(workspace: Workspace, ledger: CrawlLedger, parts: range) -> None:
    """Refuse tables that another ledger made: their shards would be mixed with ours."""
    strange = set(_due(workspace, ledger.connection, parts, (STICKERS.name,)))
    for part in workspace.parts:
        if part in parts and part not in strange:
            continue
        ids = workspace.read(STICKERS.name, part, ["id"])["id"].to_pylist()
        ours = [row[0] for row in ledger.connection.execute(_IDS, (part,))]
        if part not in parts or ids != ours[: len(ids)]:
            raise StickerworksError(
                f"{workspace.path(STICKERS.name, part)} holds stickers that the ledger "
                f"{ledger.path} doesn't place there.",
                f"The ledger was lost or replaced: {RESTORE}",
            )


def _write_part(
    workspace: Workspace, connection: sqlite3.Connection, part: int, tables: dict[str, pa.Table]
) -> list[TablePath]:
    """Write what differs of some tables, and note that they are current; return what was written.

    Nobody changes the ledger meanwhile: who crawls or exports holds the workspace's lock.
    """
    written, marks = [], {}
    for name, rows in tables.items():
        path = workspace.path(name, None if part == WHOLE else part)
        digest, is_new = _write(path, rows)
        written += [path] if is_new else []
        marks[name] = Mark(_made(name), digest, rows.num_rows, origins_of(name, tables))
    with transaction(connection):
        set_marks(connection, part, marks)
    return written


def _write(path: TablePath, rows: pa.Table) -> tuple[str, bool]:
    """Write the file unless it already holds these rows; their digest, and whether it did."""
    proof = read_proof(path)
    current = Proof(STAGE, FINGERPRINT, counts={"read": rows.num_rows, "kept": rows.num_rows})
    if proof is not None and proof.fingerprint == FINGERPRINT and proof.digest == digest_rows(rows):
        return proof.digest, False
    return write_table(path, rows, current).digest, True


def _made(name: str) -> str:
    return how_made(name, f"{FINGERPRINT} {TALLY}")


_IDS = "SELECT sha256 FROM blobs WHERE part = ? ORDER BY row"
