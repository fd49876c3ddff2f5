"""The workspace: one folder with every table, file and release of a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path

import pyarrow as pa

from pipeline.engine.errors import DamagedTableError
from pipeline.engine.media import MediaReader
from pipeline.engine.place import Place, place_of
from pipeline.engine.storage import (
    BLOCK_SHARDS,
    Proof,
    anew,
    count_rows,
    digest_rows,
    read_table,
    write_block,
    write_table,
)
from pipeline.engine.store.contract import Store
from pipeline.engine.store.object_path import TablePath
from pipeline.engine.table_files import Chosen, TableFiles, table_files
from schemas.tables import LATER, TABLES

# At a time: of disks, and of buckets, where most of reading is waiting.
_READERS, _REQUESTS = 4, 16


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

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The sticker shards as blocks: those that share a file where a table has blocks."""
        return tuple(
            tuple(shards) for _, shards in groupby(self.parts, lambda part: part // BLOCK_SHARDS)
        )

    def parts_of(self, table: str) -> tuple[int, ...]:
        """Numbers of the shards that a table has, ascending."""
        return self._files.parts(table)

    def path(self, table: str, part: int | None = None) -> TablePath:
        """File of a shard, or of a global table when ``part`` is None.

        The shards of a block share one, named after the first that it may hold.
        """
        return self._files.path(table, part)

    @property
    def place(self) -> Place:
        """Where its files lie: below ``root``, or in the bucket whose working folder that is."""
        return place_of(self.root)

    @property
    def store(self) -> Store:
        """Where tables and packs of media lie."""
        return self.place.store

    @property
    def name(self) -> str:
        """The workspace for people: its address, or its folder."""
        return self.place.name

    def media_reader(self) -> MediaReader:
        """Reads stickers' bytes by their rows of ``media``."""
        return MediaReader(self.root, self.store)

    def piece(self, table: str, part: int, start: int) -> TablePath:
        """File of a shard's rows from ``start`` on, put aside until the shard is whole."""
        name = f"part-{part:05d}-{start:05d}.parquet"
        # A bucket lists whole folders alone.
        inner = name if self.place.bucket is None else f"{part:05d}/{name}"
        return self.place.at(f"pieces/{table}/{inner}")

    def pieces_of(self, table: str, part: int) -> tuple[int, ...]:
        """First rows of the pieces of a shard that were put aside, ascending."""
        if self.place.bucket is None:
            paths = self.place.listed(f"pieces/{table}", f"part-{part:05d}-*.parquet")
        else:
            paths = self.place.listed(f"pieces/{table}/{part:05d}")
        return tuple(sorted(int(path.stem.rpartition("-")[2]) for path in paths))

    def proof(self, table: str, part: int | None = None) -> Proof | None:
        """What a shard or a global table was made from; None where it isn't there."""
        facts = self._files.facts(table, part)
        return None if facts is None else facts.proof_of(part)

    def digests(self, table: str, parts: Sequence[int | None]) -> list[str]:
        """What the proofs say of the rows of some shards; ``none`` where there is no proof."""
        return self._files.digests(table, parts)

    def has(self, table: str, part: int | None = None) -> bool:
        """Whether a shard, or a global table, is there."""
        path = self.path(table, part)
        if part is None or not TABLES[table].in_blocks:
            return path.exists()
        return path.exists() and part in self._files.shards(table, part)

    def complete(self, table: str) -> bool:
        """Whether every shard of the table exists."""
        if TABLES[table].scope == "global":
            return self.has(table)
        return set(self.parts) <= set(self.parts_of(table))

    def read(
        self,
        table: str,
        parts: int | Sequence[int] | None = None,
        columns: list[str] | None = None,
    ) -> pa.Table:
        """Rows of one shard, of several in order, or of all; what isn't written yet is empty."""
        schema = TABLES[table].schema
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns])
        empty = schema.empty_table().replace_schema_metadata(None)
        wanted = self.parts if parts is None else (parts,) if isinstance(parts, int) else parts
        files = self._files.chosen(table, wanted)

        def read(file: Chosen) -> pa.Table:
            return _read(file[0], file[1], columns, empty.schema, LATER.get(table, frozenset()))

        readers = _READERS if self.place.bucket is None else _REQUESTS
        if len(files) <= _READERS:
            return pa.concat_tables([empty, *map(read, files)])
        # Most of reading is done outside of Python's lock.
        with ThreadPoolExecutor(readers) as pool:
            return pa.concat_tables([empty, *pool.map(read, files)])

    def write(
        self, table: str, parts: int | Sequence[int] | None, rows: pa.Table, proof: Proof
    ) -> None:
        """Write a global table, one shard, or the shards of a block, whose rows follow each other.

        Of a block, the shards that are not given stay as they are.
        """
        if not TABLES[table].in_blocks:
            if isinstance(parts, Sequence):
                raise ValueError(f"{table} is written shard by shard")
            write_table(self.path(table, parts), rows, proof)
            return
        given = (parts,) if isinstance(parts, int) else tuple(parts or ())
        sizes = [len(rows)] if len(given) == 1 else [self.rows("stickers", n) for n in given]
        if sum(sizes) != len(rows):
            raise ValueError(f"{len(rows)} rows of {table} for {sum(sizes)} stickers")
        ends = accumulate(sizes)
        shards = {
            n: rows.slice(end - size, size) for n, end, size in zip(given, ends, sizes, strict=True)
        }
        others = set(self._files.shards(table, given[0])) - set(given)
        for n in others:
            known = self.proof(table, n)
            if known is None or known.fingerprint != proof.fingerprint:
                raise ValueError(f"{table}/{n} was made otherwise, and a block has one proof")
        shards |= {n: self.read(table, n).cast(rows.schema) for n in others}
        write_block(self.path(table, given[0]), dict(sorted(shards.items())), proof)

    def write_block(self, table: str, shards: Mapping[int, pa.Table], proof: Proof) -> None:
        """Write all shards of a block as its one file."""
        write_block(self.path(table, min(shards)), shards, proof)
        self._files.drop_single_shards(table, min(shards))

    def digest(self, table: str, part: int | None = None) -> str:
        """Digest of the rows of one shard or global table, as its proof has it."""
        proof = self.proof(table, part)
        if proof is not None and proof.digest:
            return proof.digest
        # Tables written by others than the engine carry no proof; their rows count all the same.
        return digest_rows(self.read(table, part).cast(TABLES[table].schema))

    def read_checked(self, table: str, parts: int | Sequence[int] | None = None) -> pa.Table:
        """Rows of some shards in order, or of a global table; DamagedTableError if a proof is
        about others.

        It takes every column to tell, blobs too: what a script changed may lie in any.
        """
        rows = self.read(table, parts)
        if not isinstance(parts, Sequence):
            self._check(table, parts, rows)
            return rows
        start = 0
        for part in parts:
            some = rows.slice(start, self.rows(table, part))
            self._check(table, part, some)
            start += len(some)
        return rows

    def _check(self, table: str, part: int | None, rows: pa.Table) -> None:
        proof = self.proof(table, part)
        known = "" if proof is None else proof.digest
        if known and known != digest_rows(rows.cast(TABLES[table].schema)):
            path = self.path(table, part)
            raise DamagedTableError(
                f"{path} was changed after it was made: its proof is about other rows.",
                anew(path),
                str(path),
            )

    def rows(self, table: str, part: int | None = None) -> int:
        """Rows of one shard or global table, from its footer alone."""
        facts = self._files.facts(table, part)
        return count_rows(self.path(table, part)) if facts is None else facts.rows_of(part)

    def files(self, table: str) -> Iterator[tuple[int, float]]:
        """Bytes and time of the last change (in seconds since 1970) of each file of a table."""
        if TABLES[table].scope == "global":
            entries = [self.store.stat(f"tables/{table}.parquet")]
        else:
            entries = list(self.store.list(f"tables/{table}").values())
        yield from ((entry.nbytes, entry.modified) for entry in entries if entry is not None)

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        """Hold the workspace for one command; a second one is refused with one line."""
        with self.place.lock(command):
            try:
                yield
            finally:
                self._files.save()

    @property
    def _files(self) -> TableFiles:
        return table_files(self.root)


def _read(
    path: TablePath,
    shards: list[int] | None,
    columns: list[str] | None,
    schema: pa.Schema,
    later: frozenset[str],
) -> pa.Table:
    rows = read_table(path, columns, shards, later)
    for place, field in enumerate(schema):
        if field.name in later and field.name not in rows.column_names:
            rows = rows.add_column(place, field, pa.nulls(len(rows), field.type))
    if not rows.schema.equals(schema):
        known = {field.name: field.type for field in rows.schema}
        differing = [f.name for f in schema if known.pop(f.name, None) != f.type] + list(known)
        # By an older version, or since a bit of the footer flipped: either way it is made again.
        raise DamagedTableError(
            f"The table {path} has other columns than it should: "
            f"{', '.join(differing) or 'their order'} differ.",
            anew(path),
            str(path),
        )
    return rows
