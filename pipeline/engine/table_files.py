"""Which files the tables of a workspace have, where they lie, and what their footers say."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

from pipeline.engine.catalog import Catalog
from pipeline.engine.place import Place, place_of
from pipeline.engine.storage import BLOCK_SHARDS, FileFacts, part_of
from pipeline.engine.store.object_path import TablePath
from schemas.tables import TABLES

Chosen = tuple[TablePath, list[int] | None]
"""A file, and which of a block's shards are wanted."""

# Some disks know full seconds alone, and a server's clock may differ from ours.
_TICK_NS = 3_000_000_000


@cache
def table_files(root: Path) -> TableFiles:
    """The files of the workspace with that folder, the same ones throughout a process."""
    return TableFiles(place_of(root))


class TableFiles:
    """The files of the tables at a place.

    A command asks a thousand times after a thousand shards: folders that stay as they are aren't
    listed again, and footers aren't read again.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._catalogs: dict[str, Catalog] = {}
        self._numbers: dict[str, tuple[int, tuple[int, ...]]] = {}

    def path(self, table: str, part: int | None) -> TablePath:
        """The file of a global table, or the one that holds a shard."""
        folder = "" if TABLES[table].scope == "global" else f"{table}/"
        return self._place.at(f"tables/{folder}{_file_name(table, part)}")

    def parts(self, table: str) -> tuple[int, ...]:
        """Numbers of the shards that a table has, ascending."""
        numbers = self._file_numbers(table)
        if not TABLES[table].in_blocks:
            return numbers
        firsts = (number for number in numbers if number % BLOCK_SHARDS == 0)
        return tuple(part for first in firsts for part in self.shards(table, first))

    def shards(self, table: str, part: int) -> tuple[int, ...]:
        """Shards in the file that may hold this one; a file without a list holds its first."""
        facts = self._file_facts(table, part)
        first = part - part % BLOCK_SHARDS
        return () if facts is None else tuple(facts.shards) or (first,)

    def facts(self, table: str, part: int | None) -> FileFacts | None:
        """What the footer says of a shard's file, or of a global table's."""
        facts = self._file_facts(table, part)
        return facts if facts is not None and _tells(facts, table, part) else None

    def digests(self, table: str, parts: Sequence[int | None]) -> list[str]:
        """What the proofs say of the rows of some shards; ``none`` where there is no proof."""
        found: list[str] = []
        # The shards of a block share a file, which is looked at once.
        for _, shards in groupby(parts, lambda part: _file_name(table, part)):
            some = list(shards)
            facts = self._file_facts(table, some[0])
            found += [
                facts.digest_of(part)
                if facts is not None and _tells(facts, table, part)
                else "none"
                for part in some
            ]
        return found

    def chosen(self, table: str, wanted: Sequence[int]) -> list[Chosen]:
        """The files that hold the wanted shards, as far as they are there."""
        if TABLES[table].scope == "global":
            path = self.path(table, None)
            return [(path, None)] if path.exists() else []
        if not TABLES[table].in_blocks:
            paths = (self.path(table, part) for part in wanted)
            return [(path, None) for path in paths if path.exists()]
        files: list[Chosen] = []
        for _, shards in groupby(wanted, lambda part: part // BLOCK_SHARDS):
            asked = list(shards)
            there = set(self.shards(table, asked[0]))
            if found := [part for part in asked if part in there]:
                files.append((self.path(table, asked[0]), found))
        return files

    def drop_single_shards(self, table: str, part: int) -> None:
        """Remove files of single shards, from before there were blocks, beside their block."""
        first = part - part % BLOCK_SHARDS
        for number in self._file_numbers(table):
            if first < number < first + BLOCK_SHARDS:
                self._place.at(f"tables/{table}/part-{number:05d}.parquet").unlink(missing_ok=True)

    def save(self) -> None:
        """Keep what footers say for the next command."""
        for catalog in self._catalogs.values():
            catalog.save()

    def _file_facts(self, table: str, part: int | None) -> FileFacts | None:
        if table not in self._catalogs:
            folder = self.path(table, part).parent
            self._catalogs[table] = Catalog(folder, self._place.root / "cache" / f"{table}.json")
        return self._catalogs[table].facts(_file_name(table, part))

    def _file_numbers(self, table: str) -> tuple[int, ...]:
        folder = f"tables/{table}"
        changed = (
            None if self._place.bucket is not None else _last_changed(self._place.root / folder)
        )
        known = self._numbers.get(table)
        if changed is not None and known is not None and known[0] == changed:
            return known[1]
        found = {part_of(path) for path in self._place.listed(folder)}
        numbers = tuple(sorted(number for number in found if number is not None))
        # What is added within a tick of the clock doesn't show in a folder's time.
        if changed is not None and time.time_ns() - changed > _TICK_NS:
            self._numbers[table] = changed, numbers
        return numbers


def _file_name(table: str, part: int | None) -> str:
    if TABLES[table].scope == "global":
        return f"{table}.parquet"
    if part is None:
        raise ValueError(f"{table} has shards")
    return f"part-{part - part % BLOCK_SHARDS if TABLES[table].in_blocks else part:05d}.parquet"


def _tells(facts: FileFacts, table: str, part: int | None) -> bool:
    """Whether a file is about a shard: one of a block without a list is about its first alone."""
    return bool(facts.shards or not TABLES[table].in_blocks or not (part or 0) % BLOCK_SHARDS)


def _last_changed(folder: Path) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None
