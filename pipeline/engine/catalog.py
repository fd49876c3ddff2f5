"""What the footers of table files say, read once and kept: a thousand shards are asked often."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import FileFacts, Proof, read_facts
from pipeline.engine.store.object_path import ObjectPath, TablePath

_FORMAT = 2


class Catalog:
    """The facts of the files in one folder, by name, true as long as the files are the same.

    ``file`` keeps them from one command to the next. It is a cache: lost, damaged or of another
    version, the footers are read again.
    """

    def __init__(self, folder: TablePath, file: Path) -> None:
        self._folder, self._file = folder, file
        self._known: dict[str, tuple[str, FileFacts | None]] = dict(_load(file))
        self._changed = False

    def facts(self, name: str) -> FileFacts | None:
        """What the footer says; None when there is no file, or no table in it."""
        signature = _signature(self._folder, name)
        if signature is None:
            return None
        known = self._known.get(name)
        if known is None or known[0] != signature:
            known = signature, read_facts(self._folder / name)
            self._known[name] = known
            self._changed = True
        return known[1]

    def save(self) -> None:
        """Write the facts down if any is new; a disk that takes no more loses nothing by it."""
        if not self._changed:
            return
        kept = {
            name: [signature, _plain(facts)] for name, (signature, facts) in self._known.items()
        }
        with (
            suppress(OSError, StickerworksError),
            atomic_file(self._file, lasting=False) as temporary,
        ):
            temporary.write_text(json.dumps([_FORMAT, kept]), "utf-8")
        self._changed = False


def _signature(folder: TablePath, name: str) -> str | None:
    """What another file, or a changed one, differs in: size, time of the last change and inode,
    or an object's tag; None where there is no file."""
    if isinstance(folder, ObjectPath):
        entry = (folder / name).entry()
        return None if entry is None else f"{entry.nbytes} {entry.tag}"
    try:
        # No Path: a million shards are asked after, and making one takes longer than this.
        found = os.stat(f"{folder}/{name}")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"


def _load(file: Path) -> Iterator[tuple[str, tuple[str, FileFacts | None]]]:
    try:
        version, kept = json.loads(file.read_text("utf-8"))
        if version != _FORMAT:
            return
        for name, (signature, facts) in kept.items():
            yield name, (str(signature), _facts(facts))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return


def _plain(facts: FileFacts | None) -> Any:
    return facts and [facts.rows, facts.proof and asdict(facts.proof), facts.shards]


def _facts(plain: Any) -> FileFacts | None:
    if plain is None:
        return None
    rows, proof, shards = plain
    known: Mapping[int, tuple[str, int]] = {int(n): (d, r) for n, (d, r) in shards.items()}
    return FileFacts(rows, proof and Proof(**proof), known)
