"""The workspace: one folder with every table, file and release of a dataset."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path

import pyarrow as pa

from pipeline.engine.catalog import Catalog
from pipeline.engine.errors import DamagedTableError, StickerworksError
from pipeline.engine.holding import fetch, held, held_bucket
from pipeline.engine.media import MediaReader
from pipeline.engine.storage import (
    BLOCK_SHARDS,
    FileFacts,
    Proof,
    anew,
    count_rows,
    digest_rows,
    part_of,
    read_table,
    write_block,
    write_table,
)
from pipeline.engine.store.contract import Store
from pipeline.engine.store.folder import FolderStore
from pipeline.engine.store.location import address_of
from pipeline.engine.store.object_path import ObjectPath, TablePath
from pipeline.engine.store.objects import ObjectStore
from pipeline.engine.store.saved import SavedFiles
from schemas.tables import TABLES

# At a time: of disks, and of buckets, where most of reading is waiting.
_READERS, _REQUESTS = 4, 16
_BUCKETS: dict[Path, ObjectStore | None] = {}
_CATALOGS: dict[tuple[Path, str], Catalog] = {}
_LISTED: dict[tuple[Path, str], tuple[int, tuple[int, ...]]] = {}
_TICK_NS = 100_000_000


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
        parts = self._numbers(table)
        if not TABLES[table].in_blocks:
            return parts
        return tuple(part for first in parts for part in self._shards(table, first))

    def path(self, table: str, part: int | None = None) -> TablePath:
        """File of a shard, or of a global table when ``part`` is None.

        The shards of a block share one, named after the first that it may hold.
        """
        name = _file_name(table, part)
        folder = "" if TABLES[table].scope == "global" else f"{table}/"
        return self._at(f"tables/{folder}{name}")

    @property
    def store(self) -> Store:
        """Where tables and packs of media lie: below ``root``, or in the bucket whose working
        folder that is."""
        return self._bucket or FolderStore(self.root)

    @property
    def name(self) -> str:
        """The workspace for people: its address, or its folder."""
        return str(self.root) if self._bucket is None else str(self._bucket.location)

    def media_reader(self) -> MediaReader:
        """Reads stickers' bytes by their rows of ``media``."""
        return MediaReader(self.root, self.store)

    def piece(self, table: str, part: int, start: int) -> TablePath:
        """File of a shard's rows from ``start`` on, put aside until the shard is whole."""
        name = f"part-{part:05d}-{start:05d}.parquet"
        # A bucket lists whole folders alone.
        inner = name if self._bucket is None else f"{part:05d}/{name}"
        return self._at(f"pieces/{table}/{inner}")

    def pieces_of(self, table: str, part: int) -> tuple[int, ...]:
        """First rows of the pieces of a shard that were put aside, ascending."""
        if self._bucket is None:
            paths = self._listed(f"pieces/{table}", f"part-{part:05d}-*.parquet")
        else:
            paths = self._listed(f"pieces/{table}/{part:05d}")
        return tuple(sorted(int(path.stem.rpartition("-")[2]) for path in paths))

    def proof(self, table: str, part: int | None = None) -> Proof | None:
        """What a shard or a global table was made from; None where it isn't there."""
        facts = self._facts(table, part)
        return facts.proof_of(part) if facts is not None and _tells(facts, table, part) else None

    def digests(self, table: str, parts: Sequence[int | None]) -> list[str]:
        """What the proofs say of the rows of some shards; ``none`` where there is no proof."""
        found = []
        # The shards of a block share a file, which is looked at once.
        for _, shards in groupby(parts, lambda part: _file_name(table, part)):
            some = list(shards)
            facts = self._facts(table, some[0])
            found += [
                facts.digest_of(part)
                if facts is not None and _tells(facts, table, part)
                else "none"
                for part in some
            ]
        return found

    def has(self, table: str, part: int | None = None) -> bool:
        """Whether a shard, or a global table, is there."""
        path = self.path(table, part)
        if part is None or not TABLES[table].in_blocks:
            return path.exists()
        return path.exists() and part in self._shards(table, part)

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
        files = self._files(table, parts)

        def read(file: tuple[TablePath, list[int] | None]) -> pa.Table:
            return _read(file[0], file[1], columns, empty.schema)

        readers = _READERS if self._bucket is None else _REQUESTS
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
        others = set(self._shards(table, given[0])) - set(given)
        shards |= {n: self.read(table, n).cast(rows.schema) for n in others}
        write_block(self.path(table, given[0]), dict(sorted(shards.items())), proof)

    def write_block(self, table: str, shards: Mapping[int, pa.Table], proof: Proof) -> None:
        """Write all shards of a block as its one file."""
        write_block(self.path(table, min(shards)), shards, proof)

    def digest(self, table: str, part: int | None = None) -> str:
        """Digest of the rows of one shard or global table, as its proof has it."""
        proof = self.proof(table, part)
        if proof is not None and proof.digest:
            return proof.digest
        # Tables written by others than the engine carry no proof; their rows count all the same.
        return digest_rows(self.read(table, part).cast(TABLES[table].schema))

    def read_checked(self, table: str, parts: int | Sequence[int] | None = None) -> pa.Table:
        """Rows of shards or of a global table; DamagedTableError if a proof is about others.

        It takes every column to tell, blobs too: what a script changed may lie in any.
        """
        rows = self.read(table, parts)
        if not isinstance(parts, Sequence):
            self._check(table, parts, rows)
            return rows
        start = 0
        for part in parts:
            size = self.rows(table, part)
            self._check(table, part, rows.slice(start, size))
            start += size
        return rows

    def _check(self, table: str, part: int | None, rows: pa.Table) -> None:
        path, proof = self.path(table, part), self.proof(table, part)
        known = "" if proof is None else proof.digest
        if known and known != digest_rows(rows.cast(TABLES[table].schema)):
            raise DamagedTableError(
                f"{path} was changed after it was made: its proof is about other rows.",
                anew(path),
                str(path),
            )

    def rows(self, table: str, part: int | None = None) -> int:
        """Rows of one shard or global table, from its footer alone."""
        facts = self._facts(table, part)
        return count_rows(self.path(table, part)) if facts is None else facts.rows_of(part)

    def _facts(self, table: str, part: int | None) -> FileFacts | None:
        key = self.root, table
        if key not in _CATALOGS:
            folder = self.path(table, part).parent
            _CATALOGS[key] = Catalog(folder, self.root / "cache" / f"{table}.json")
        return _CATALOGS[key].facts(_file_name(table, part))

    def _numbers(self, table: str) -> tuple[int, ...]:
        """Numbers that a table's files are named after; a folder that stays as it is isn't listed
        a hundred times a command."""
        folder = f"tables/{table}"
        changed = None if self._bucket is not None else _last_changed(self.root / folder)
        key = self.root, table
        if changed is not None and _LISTED.get(key, (0, ()))[0] == changed:
            return _LISTED[key][1]
        found = {part_of(path) for path in self._listed(folder)}
        parts = tuple(sorted(part for part in found if part is not None))
        # What is added within a tick of the clock doesn't show in a folder's time.
        if changed is not None and time.time_ns() - changed > _TICK_NS:
            _LISTED[key] = changed, parts
        return parts

    def _shards(self, table: str, part: int) -> tuple[int, ...]:
        """Shards in the file that may hold this one; a file without a list holds its first."""
        facts = self._facts(table, part)
        first = part - part % BLOCK_SHARDS
        return () if facts is None else tuple(facts.shards) or (first,)

    def _files(
        self, table: str, parts: int | Sequence[int] | None
    ) -> list[tuple[TablePath, list[int] | None]]:
        """Files that hold the wanted shards, and which of a block's."""
        if TABLES[table].scope == "global":
            path = self.path(table)
            return [(path, None)] if path.exists() else []
        wanted = self.parts if parts is None else (parts,) if isinstance(parts, int) else parts
        if not TABLES[table].in_blocks:
            paths = (self.path(table, part) for part in wanted)
            return [(path, None) for path in paths if path.exists()]
        files: list[tuple[TablePath, list[int] | None]] = []
        for path, shards in groupby(wanted, lambda part: self.path(table, part)):
            asked = list(shards)
            there = set(self._shards(table, asked[0]))
            if found := [part for part in asked if part in there]:
                files.append((path, found))
        return files

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
        with held(self.root, command):
            try:
                if self._bucket is None:
                    yield
                else:
                    with held_bucket(self.root, self._bucket, command):
                        yield
            finally:
                for (root, _), catalog in _CATALOGS.items():
                    if root == self.root:
                        catalog.save()

    def check_held(self) -> None:
        """StickerworksError where another driver has taken the bucket over."""
        if self._bucket is not None:
            self._bucket.guard()

    def refresh(self, *tables: str) -> None:
        """Look anew at what lies in tables: workers wrote there."""
        for folder in ("pieces", *(f"tables/{table}" for table in tables)):
            self.store.forget(folder)

    def fetch(self) -> None:
        """Take over what others saved, and look anew at what lies in the bucket."""
        if self._bucket is not None:
            fetch(self.root, self._bucket)

    def remember(self) -> None:
        """Keep what listings say: what this process asks for, it alone writes."""
        if self._bucket is not None:
            self._bucket.remembers = True

    def save(self, *names: str) -> None:
        """Let others see files of the working folder that what is written next relies on."""
        if self._bucket is not None:
            SavedFiles(self.root, self._bucket).save(names)

    def has_release(self, name: str) -> bool:
        """Whether a release is here, or in the bucket as a whole."""
        if (self.releases / name).exists():
            return True
        return self._bucket is not None and SavedFiles(self.root, self._bucket).has_release(name)

    def fetch_release(self, name: str) -> None:
        """Bring a release here that lies in the bucket alone."""
        if self._bucket is not None:
            SavedFiles(self.root, self._bucket).fetch_release(name)

    @property
    def _bucket(self) -> ObjectStore | None:
        if self.root not in _BUCKETS:
            found = address_of(self.root)
            _BUCKETS[self.root] = None if found is None else ObjectStore(*found)
        return _BUCKETS[self.root]

    def _at(self, name: str) -> TablePath:
        if self._bucket is not None:
            return ObjectPath(self._bucket, name)
        # Asked a hundred times a shard: joining paths would be most of what a command does.
        return Path(f"{self.root}/{name}")

    def _listed(self, folder: str, pattern: str = "part-*.parquet") -> list[TablePath]:
        """Tables' files in a folder."""
        if self._bucket is None:
            return list((self.root / folder).glob(pattern))
        return [ObjectPath(self._bucket, name) for name in self._bucket.list(folder)]


def _tells(facts: FileFacts, table: str, part: int | None) -> bool:
    """Whether a file is about a shard: one of a block without a list is about its first alone."""
    return bool(facts.shards or not TABLES[table].in_blocks or not (part or 0) % BLOCK_SHARDS)


def _last_changed(folder: Path) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None


def _file_name(table: str, part: int | None) -> str:
    if TABLES[table].scope == "global":
        return f"{table}.parquet"
    if part is None:
        raise ValueError(f"{table} has shards")
    return f"part-{part - part % BLOCK_SHARDS if TABLES[table].in_blocks else part:05d}.parquet"


def _read(
    path: TablePath, shards: list[int] | None, columns: list[str] | None, schema: pa.Schema
) -> pa.Table:
    rows = read_table(path, columns, shards)
    if not rows.schema.equals(schema):
        known = {field.name: field.type for field in rows.schema}
        differing = [f.name for f in schema if known.pop(f.name, None) != f.type] + list(known)
        raise StickerworksError(
            f"The table {path} has other columns than it should: "
            f"{', '.join(differing) or 'their order'} differ.",
            anew(path),
        )
    return rows
