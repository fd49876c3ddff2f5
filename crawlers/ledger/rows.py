"""The ledger's rows as Arrow tables, column by column: none is a Python object of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from crawlers.observation import Observation, columns_of
from schemas.tables import MEDIA, OBSERVATIONS, QUERIES, STICKERS, UNFETCHED, Table

_LISTED = frozenset(columns_of(Observation("any")))
"""Columns that the ledger keeps as the source listed them; others are facts of the fetch."""

_LAST = 2**63 - 1
_BATCH_ROWS = 2000
# Arrow reads JSON in blocks, each of which must hold a whole line.
_BLOCK_BYTES = 1 << 20


def shard_tables(connection: sqlite3.Connection, part: int) -> dict[str, pa.Table]:
    """Tables of a shard, in the order in which they are to be written."""
    blobs = _columns(connection, _BLOBS, (part,))
    seen = pa.array(blobs["seen"], pa.int64()).cast(pa.bool_())
    packed = pc.and_(seen, pc.is_valid(pa.array(blobs["pack"], pa.string())))
    # A sticker keeps its place for good; when no source shows it any more, nothing leads to it.
    shown = {"path": pc.and_(seen, pc.invert(packed))} | dict.fromkeys(
        ("pack", "offset", "nbytes"), packed
    )
    media = {
        name: pc.if_else(where, _array(blobs[name], MEDIA.schema.field(name).type), None)
        for name, where in shown.items()
    }
    return {
        OBSERVATIONS.name: _observations(_columns(connection, _PLACED, (part,))),
        MEDIA.name: _table(MEDIA, blobs | media),
        STICKERS.name: _table(STICKERS, blobs),
    }


def unfetched_table(connection: sqlite3.Connection) -> pa.Table:
    """Observations without bytes, with the reason, in the order in which they are listed.

    Their number has no bound, so that only a batch of them is Python's at a time.
    """
    connection.execute("DROP TABLE IF EXISTS temp.missed")
    connection.execute(_MISSED)
    cursor = connection.cursor()
    cursor.row_factory = None
    cursor.execute(_FAILURES)
    batches = [UNFETCHED.schema.empty_table()]
    while rows := _fetched(cursor, _BATCH_ROWS):
        batches.append(_table(UNFETCHED, _parsed(rows, UNFETCHED) | rows | _names(rows)))
    connection.execute("DROP TABLE temp.missed")
    # In one piece, so that the file doesn't depend on the batches.
    return pa.concat_tables(batches).combine_chunks()


def queries_table(connection: sqlite3.Connection) -> pa.Table:
    """What was listed for each query, and what became of what it found."""
    return _table(QUERIES, _columns(connection, _QUERIES, ()))


def _observations(rows: dict[str, list[Any]]) -> pa.Table:
    # Where a source shows the same bytes twice and may not give them on once, it may not at all.
    seen = list(zip(rows["id"], rows["source"], strict=True))
    banned = {key for key, may in zip(seen, rows["redistribute"], strict=True) if not may}
    rows["redistribute"] = [key not in banned for key in seen]
    table = _table(OBSERVATIONS, _parsed(rows, OBSERVATIONS) | rows | _names(rows))
    return table.take(_sorted(table, rows))


def _parsed(rows: Mapping[str, list[Any]], table: Table) -> dict[str, Any]:
    """Columns from the JSON of each row: what was listed, and the facts of its fetch."""
    columns: dict[str, Any] = {}
    for name, listed in (("columns", True), ("facts", False)):
        fields = [f for f in table.schema if f.name not in rows and (f.name in _LISTED) == listed]
        schema = pa.schema([pa.field(f.name, f.type) for f in fields])
        read = _read_json(rows[name], schema)
        columns |= {f.name: read[f.name].combine_chunks() for f in fields}
    return columns


def _read_json(lines: Sequence[bytes], schema: pa.Schema) -> pa.Table:
    if not lines or not schema.names:
        return schema.empty_table()
    return arrow_json.read_json(
        pa.BufferReader(b"\n".join(lines)),
        read_options=arrow_json.ReadOptions(
            use_threads=False, block_size=max(_BLOCK_BYTES, max(map(len, lines)) + 2)
        ),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="ignore"
        ),
    )


def _names(rows: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Query and variant, which the ledger keeps as empty texts where there is none."""
    nothing = pa.scalar(None, pa.string())
    given = {name: pa.array(rows[name], pa.string()) for name in ("query", "variant")}
    return {name: pc.if_else(pc.equal(texts, ""), nothing, texts) for name, texts in given.items()}


def _sorted(table: pa.Table, rows: Mapping[str, list[Any]]) -> pa.Array:
    """Order of rows: by sticker, then as they are listed; no rank last."""
    keys = {"row": pa.array(rows["row"], pa.int64())}
    keys |= {name: pa.array(rows[name], pa.string()) for name in ("source", "query")}
    keys["rank"] = pc.fill_null(table["rank"], _LAST)
    keys |= {name: pa.array(rows[name], pa.string()) for name in ("source_id", "variant")}
    return pc.sort_indices(pa.table(keys), [(name, "ascending") for name in keys])


def _table(table: Table, columns: Mapping[str, Any]) -> pa.Table:
    arrays = [_array(columns[field.name], field.type) for field in table.schema]
    return pa.Table.from_arrays(arrays, schema=table.schema)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if pa.types.is_boolean(kind):  # SQLite has numbers alone
        values = [None if value is None else bool(value) for value in values]
    return pa.array(values, kind)


def _columns(
    connection: sqlite3.Connection, statement: str, values: Sequence[Any]
) -> dict[str, list[Any]]:
    cursor = connection.cursor()
    cursor.row_factory = None
    cursor.execute(statement, values)
    return _fetched(cursor) or {column[0]: [] for column in cursor.description}


def _fetched(cursor: sqlite3.Cursor, most: int | None = None) -> dict[str, list[Any]]:
    """The next rows, column by column; nothing where there are no more."""
    rows = cursor.fetchall() if most is None else cursor.fetchmany(most)
    names = [column[0] for column in cursor.description]
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}


_BLOBS = """
SELECT b.sha256 AS id, b.format, b.extension, b.nbytes, b.path, b.c2pa, p.pack, p.offset, EXISTS (
    SELECT * FROM observations AS s WHERE s.sha256 = b.sha256 AND s.state = 'ok'
) AS seen
FROM blobs AS b LEFT JOIN packed AS p USING (sha256) WHERE b.part = ? ORDER BY b.row
"""
# JSON as bytes, which Arrow reads as they are.
_PLACED = """
SELECT b.row, s.sha256 AS id, s.source, s.source_id, s.query, s.variant,
    s.redistribute, CAST(s.columns AS BLOB) AS columns, CAST(s.facts AS BLOB) AS facts
FROM blobs AS b CROSS JOIN observations AS s ON s.sha256 = b.sha256
WHERE b.part = ? AND s.state = 'ok'
"""
# Rows' numbers alone are sorted: with their texts, a million would take gigabytes. No rank last.
_MISSED = f"""
CREATE TEMP TABLE missed AS SELECT rowid AS id FROM observations
WHERE state NOT IN ('ok', 'pending')
ORDER BY source, query, coalesce(columns ->> '$.rank', {_LAST}), source_id, variant
"""  # noqa: S608 - ours
_FAILURES = """
SELECT source, source_id, query, variant, redistribute, state, error_class, error, attempts,
    CAST(columns AS BLOB) AS columns, CAST(facts AS BLOB) AS facts
FROM temp.missed AS m CROSS JOIN observations AS s ON s.rowid = m.id ORDER BY m.rowid
"""
_QUERIES = """
SELECT q.source, nullif(q.query, '') AS query, q.scope, q.state, q.pass, q.pages,
    coalesce(c.listed, 0) AS listed, q.total, coalesce(c.fetched, 0) AS fetched,
    coalesce(c.gone, 0) AS gone, coalesce(c.refused, 0) AS refused,
    coalesce(c.to_retry, 0) AS to_retry, coalesce(c.failed, 0) AS failed,
    strftime('%Y-%m-%dT%H:%M:%S+00:00', q.listed_at, 'unixepoch') AS last_listed,
    nullif(q.cursors, '[]') AS left, q.error_class, q.error
FROM queries AS q LEFT JOIN (
    SELECT source, query, count(*) AS listed, sum(state = 'ok') AS fetched,
        sum(state = 'gone') AS gone, sum(state = 'refused') AS refused,
        sum(state = 'retry_at') AS to_retry, sum(state = 'failed') AS failed
    FROM observations WHERE query <> '' GROUP BY source, query
    UNION ALL -- what a whole listing lists stands under queries of its own
    SELECT source, '', count(*), sum(state = 'ok'), sum(state = 'gone'), sum(state = 'refused'),
        sum(state = 'retry_at'), sum(state = 'failed')
    FROM observations GROUP BY source
) AS c ON c.source = q.source AND c.query = q.query
ORDER BY q.source, q.scope, q.place, q.query
"""
