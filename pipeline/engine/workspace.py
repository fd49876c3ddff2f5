"""The workspace: one folder with every table, file and release of a dataset."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.engine.errors import DamagedTableError, StickerworksError, disk_errors
from pipeline.engine.locks import locked
from pipeline.engine.storage import (
    Proof,
    anew,
    count_rows,
    digest_rows,
    part_of,
    read_proof,
    read_table,
)
from schemas.tables import TABLES


@dataclass(frozen=True)
class Workspace:
    """Names and reads what lies below one folder."""

    root: Path

    @property
    def tables(self) -> Path:
        return self.root / "tables"

    @property
    def media(self) -> Path:
        """Content-addressed files that crawls fetched: ``media/ab/<sha256>.<format>``."""
        return self.root / "media"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def scratch(self) -> Path:
        return self.root / "scratch"

    @property
    def parts(self) -> tuple[int, ...]:
        """Numbers of the sticker shards, ascending."""
        return self.parts_of("stickers")

    def parts_of(self, table: str) -> tuple[int, ...]:
        """Numbers of the shards that a table has, ascending."""
        folder = self.tables / table
        found = (part_of(path) for path in folder.glob("part-*.parquet"))
        return tuple(sorted(part for part in found if part is not None))

    def path(self, table: str, part: int | None = None) -> Path:
        """File of a shard, or of a global table when ``part`` is None."""
        if TABLES[table].scope == "global":
            return self.tables / f"{table}.parquet"
        if part is None:
            raise ValueError(f"{table} has shards")
        return self.tables / table / f"part-{part:05d}.parquet"

    def piece(self, table: str, part: int, start: int) -> Path:
        """File of a shard's rows from ``start`` on, put aside until the shard is whole."""
        return self.root / "pieces" / table / f"part-{part:05d}-{start:05d}.parquet"

    def pieces_of(self, table: str, part: int) -> tuple[int, ...]:
        """First rows of the pieces of a shard that were put aside, ascending."""
        paths = self.piece(table, part, 0).parent.glob(f"part-{part:05d}-*.parquet")
        return tuple(sorted(int(path.stem.rpartition("-")[2]) for path in paths))

    def proof(self, table: str, part: int | None = None) -> Proof | None:
        return read_proof(self.path(table, part))

    def complete(self, table: str) -> bool:
        """Whether every shard of the table exists."""
        if TABLES[table].scope == "global":
            return self.path(table).exists()
        return all(self.path(table, part).exists() for part in self.parts)

    def read(
        self, table: str, part: int | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        """Rows of one shard, or of all in order; a table not yet written is empty."""
        schema = TABLES[table].schema
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns])
        if TABLES[table].scope == "global":
            paths = [self.path(table)]
        else:
            paths = [self.path(table, n) for n in (self.parts if part is None else (part,))]
        empty = schema.empty_table().replace_schema_metadata(None)
        found = [_read(path, columns, empty.schema) for path in paths if path.exists()]
        return pa.concat_tables([empty, *found])

    def digest(self, table: str, part: int | None = None) -> str:
        """Digest of the rows of one shard or global table, from the rows themselves.

        Raises StickerworksError where the file's proof is about other rows.
        """
        path, proof = self.path(table, part), self.proof(table, part)
        found = digest_rows(self.read(table, part).cast(TABLES[table].schema))
        # Tables written by others than the engine carry no proof; their rows count all the same.
        if proof is not None and proof.digest not in ("", found):
            raise DamagedTableError(
                f"{path} was changed after it was made: its proof is about other rows.",
                anew(path),
                str(path),
            )
        return found

    def rows(self, table: str, part: int | None = None) -> int:
        """Rows of one shard or global table, from its footer alone."""
        return count_rows(self.path(table, part))

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        """Hold the workspace for one command; a second one is refused with one line."""
        with disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        with locked(self.root / ".lock", self._in_use) as descriptor:
            holder = json.dumps({"command": command, "pid": os.getpid()}).encode()
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder, 0)
            self._sweep()
            yield

    def _in_use(self, descriptor: int) -> StickerworksError:
        return StickerworksError(
            f"The workspace {self.root} is in use by {_holder(descriptor)}.",
            "Wait for it to end, or choose another --workspace.",
        )

    def _sweep(self) -> None:
        """Remove what writers that were killed left under temporary names."""
        for folder in (self.tables, self.reports, self.root / "pieces"):
            for leftover in folder.rglob(".*.tmp"):
                leftover.unlink(missing_ok=True)
        for marker in self.scratch.glob("*"):
            marker.unlink(missing_ok=True)


def _read(path: Path, columns: list[str] | None, schema: pa.Schema) -> pa.Table:
    rows = read_table(path, columns)
    if not rows.schema.equals(schema):
        known = {field.name: field.type for field in rows.schema}
        differing = [f.name for f in schema if known.pop(f.name, None) != f.type] + list(known)
        raise StickerworksError(
            f"The table {path} has other columns than it should: "
            f"{', '.join(differing) or 'their order'} differ.",
            anew(path),
        )
    return rows


def _holder(descriptor: int) -> str:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return f"`stickerworks {found['command']}` (process {found['pid']})"
    except (ValueError, KeyError, TypeError):  # it has just begun, or somebody wrote there
        return "another command"
