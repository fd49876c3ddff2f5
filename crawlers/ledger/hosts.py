"""Tallies of hosts, kept with the marks of the files that they count: one shard costs one shard."""

from __future__ import annotations

import json
import sqlite3

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.origins import (
    ORIGIN_COLUMNS,
    Tally,
    hosts_table,
    merged,
    tally_as_json,
    tally_fetched,
    tally_from_json,
    tally_refused,
)
from schemas.tables import OBSERVATIONS, STICKERS, UNFETCHED

TALLY = "1"
"""Raised when a tally counts otherwise: kept ones are made anew."""


def origins_of(name: str, tables: dict[str, pa.Table]) -> str | None:
    """The tally of a table's hosts as JSON; None for tables that have none."""
    if name == OBSERVATIONS.name:
        return _dumped(tally_fetched(_with_sizes(tables)))
    if name == UNFETCHED.name:
        return _dumped(tally_refused(tables[name]))
    return None


def hosts_of(connection: sqlite3.Connection) -> pa.Table:
    """Table ``hosts``, from the tallies of all files."""
    kept = connection.execute("SELECT origins FROM exported WHERE origins IS NOT NULL")
    return hosts_table(merged(tally_from_json(json.loads(row[0])) for row in kept))


def _with_sizes(tables: dict[str, pa.Table]) -> pa.Table:
    observations, stickers = tables[OBSERVATIONS.name], tables[STICKERS.name]
    sizes = stickers["nbytes"].take(pc.index_in(observations["id"], stickers["id"]))
    return observations.select(["id", *ORIGIN_COLUMNS]).append_column("nbytes", sizes)


def _dumped(tally: Tally) -> str:
    return json.dumps(tally_as_json(tally), ensure_ascii=False)
