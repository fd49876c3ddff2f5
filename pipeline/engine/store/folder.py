"""A folder as a store: on this machine's disks, or on a file system that machines share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.store.contract import ANYTHING, SMALL_BYTES, Anything, ChangedError, Entry


@dataclass(frozen=True)
class FolderStore:
    """Files below ``root``; temporary names (``.name.pid.tmp``) are no objects."""

    root: Path
    remote = False

    def where(self, name: str) -> str:
        return str(self.root / name)

    def stat(self, name: str) -> Entry | None:
        try:
            return _entry(name, (self.root / name).stat())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def list(self, folder: str) -> Mapping[str, Entry]:
        found = {}
        for path in sorted((self.root / folder).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                name = path.relative_to(self.root).as_posix()
                found[name] = _entry(name, path.stat())
        return found

    def read(self, name: str, start: int = 0, nbytes: int | None = None) -> bytes:
        with (self.root / name).open("rb") as file:
            file.seek(start)
            return file.read(-1 if nbytes is None else nbytes)

    def open(self, name: str) -> pa.NativeFile:
        path = self.root / name
        # In memory where that is quicker than to seek.
        if path.stat().st_size <= SMALL_BYTES:
            return pa.BufferReader(path.read_bytes())
        return pa.OSFile(str(path))

    def write(self, name: str, content: bytes, expected: Entry | Anything | None) -> Entry:
        if expected != ANYTHING and self.stat(name) != expected:
            raise ChangedError(self.where(name))
        path = self.root / name
        with atomic_file(path) as temporary:
            temporary.write_bytes(content)
        return _entry(name, path.stat())

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            (self.root / name).unlink(missing_ok=True)

    def forget(self, folder: str) -> None:
        """Nothing is remembered: to ask a disk costs next to nothing."""


def _entry(name: str, found: os.stat_result) -> Entry:
    tag = f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"
    return Entry(name, found.st_size, tag, found.st_mtime)
