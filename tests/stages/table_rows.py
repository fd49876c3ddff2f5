"""Tables made of rows: written into a workspace, or read from memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

Rows = Iterable[Mapping[str, Any]]


def table_of(name: str, rows: Rows) -> pa.Table:
    """Rows as the named table; columns left out are null."""
    return pa.Table.from_pylist(list(rows), schema=TABLES[name].schema)


def put(workspace: Workspace, name: str, rows: Rows, part: int = 0) -> None:
    """Write one shard, or a global table, anew."""
    shard = None if TABLES[name].scope == "global" else part
    workspace.write(name, shard, table_of(name, rows), Proof("test", "test"))


class MemoryReader:
    """Tables in memory; those not named are missing, so they read as empty."""

    parts: tuple[int, ...] = (0,)
    blocks: tuple[tuple[int, ...], ...] = ((0,),)

    def __init__(self, **tables: Rows | pa.Table) -> None:
        self._tables = {
            name: rows if isinstance(rows, pa.Table) else table_of(name, rows)
            for name, rows in tables.items()
        }

    def read(
        self,
        table: str,
        parts: int | Sequence[int] | None = None,
        columns: list[str] | None = None,
    ) -> pa.Table:
        found = self._tables.get(table, TABLES[table].schema.empty_table())
        return found if columns is None else found.select(columns)
