"""Gives each new sticker its shard and row, which it keeps for good."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.engine.database import transaction


@dataclass(frozen=True)
class PlacedStickers:
    """Stickers that this export placed, by the source that lists them first."""

    stickers: dict[str, int]
    nbytes: dict[str, int]


def place(
    connection: sqlite3.Connection, sources: Sequence[str], shard_rows: int
) -> PlacedStickers:
    """Give every new sticker its shard and row, all in one transaction.

    They follow the order of ``sources``, then that in which their source lists them.
    """
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS source_order (source PRIMARY KEY, place)")
    connection.execute("DELETE FROM temp.source_order")
    order = ((name, number) for number, name in enumerate(dict.fromkeys(sources)))
    connection.executemany("INSERT INTO temp.source_order VALUES (?, ?)", order)
    for name, statement in (("unplaced", _UNPLACED), ("arrived", _ARRIVED)):
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
        connection.execute(statement)
    part, row = _next_place(connection, shard_rows)
    with transaction(connection):
        connection.execute(_PLACE, {"part": part, "row": row, "size": shard_rows})
    counted = connection.execute(_COUNT).fetchall()
    placed = PlacedStickers(
        {source: stickers for source, stickers, _ in counted},
        {source: nbytes for source, _, nbytes in counted},
    )
    connection.execute("DROP TABLE temp.arrived")
    connection.execute("DROP TABLE temp.unplaced")
    return placed


def repoint(connection: sqlite3.Connection) -> None:
    """Where the file that a path names shows its bytes no more, name another that does."""
    with transaction(connection):
        connection.execute(_REPOINT)


def parts_of(connection: sqlite3.Connection) -> range:
    """Numbers of the shards, which have no gaps."""
    last = connection.execute("SELECT max(part) FROM blobs").fetchone()[0]
    return range(0 if last is None else last + 1)


def _next_place(connection: sqlite3.Connection, shard_rows: int) -> tuple[int, int]:
    parts = parts_of(connection)
    if not parts:
        return 0, 0
    last = parts[-1]
    rows = connection.execute("SELECT count(*) FROM blobs WHERE part = ?", (last,)).fetchone()[0]
    return (last, rows) if rows < shard_rows else (last + 1, 0)


# CROSS JOIN: from the few blobs that have no place to their observations, not the other way.
_UNPLACED = """
CREATE TEMP TABLE unplaced AS
SELECT s.source, s.sha256, s.path, s.extension, b.nbytes,
    json_extract(s.columns, '$.rank') AS rank
FROM blobs AS b
CROSS JOIN observations AS s ON s.sha256 = b.sha256
LEFT JOIN temp.source_order AS o ON o.source = s.source
WHERE b.part IS NULL AND s.state = 'ok'
ORDER BY o.place IS NULL, o.place, s.source, s.listing, rank IS NULL, rank, s.source_id, s.query,
    s.variant
"""
# The first observation of some bytes places them: beside min(), SQLite gives columns of its row.
_ARRIVED = """
CREATE TEMP TABLE arrived AS
SELECT row_number() OVER (ORDER BY first) - 1 AS place, *
FROM (
    SELECT min(rowid) AS first, source, sha256, path, extension, nbytes
    FROM temp.unplaced GROUP BY sha256
)
"""
_PLACE = """
UPDATE blobs SET part = :part + (:row + a.place) / :size, row = (:row + a.place) % :size,
    path = a.path, extension = a.extension
FROM temp.arrived AS a WHERE a.sha256 = blobs.sha256
"""
_COUNT = """
SELECT source, count(*), sum(nbytes) FROM temp.arrived GROUP BY source ORDER BY min(place)
"""
# In the shards of whose stickers something changed: their tables have no mark.
_REPOINT = """
UPDATE blobs SET path = (
    SELECT s.path FROM observations AS s
    WHERE s.sha256 = blobs.sha256 AND s.state = 'ok' AND s.path IS NOT NULL
    ORDER BY s.listing, s.source, s.source_id, s.query, s.variant LIMIT 1
)
WHERE part NOT IN (SELECT part FROM exported WHERE name = 'media') AND EXISTS (
    SELECT * FROM observations AS s
    WHERE s.sha256 = blobs.sha256 AND s.state = 'ok' AND s.path IS NOT NULL
) AND NOT EXISTS (
    SELECT * FROM observations AS s
    WHERE s.sha256 = blobs.sha256 AND s.state = 'ok' AND s.path = blobs.path
)
"""
