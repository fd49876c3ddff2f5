"""Damaged tables: found by their checksums when they are read, and kept for who wants to look."""

from __future__ import annotations

import errno
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.errors import DamagedTableError, disk_errors
from pipeline.engine.storage import part_of
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

_PIECE = re.compile(r"part-(\d{5,})-(\d{5,})\.parquet")


@dataclass(frozen=True)
class DamagedFile:
    """A file of a table: a global one, a shard's (or a block's, by its first), or a piece of one
    that begins with a row."""

    table: str
    part: int | None = None
    row: int | None = None


def damaged_file(error: DamagedTableError) -> DamagedFile | None:
    """Which file the error is about; None where it is none of a workspace's."""
    path = error.path
    names = (path.stem, *path.parts[-3:-1])
    table = next((name for name in names if name in TABLES), None)
    if table is None:
        return None
    if piece := _PIECE.fullmatch(path.name):
        return DamagedFile(table, int(piece[1]), int(piece[2]))
    return DamagedFile(table, part_of(path))


def set_aside(workspace: Workspace, file: DamagedFile) -> Path | None:
    """Move a damaged file into the workspace's folder ``damaged``.

    Returns where it lies now; None where it can't be read even to be copied, and so is deleted.
    """
    source = workspace.path(file.table, file.part)
    if file.part is not None and file.row is not None:
        source = workspace.piece(file.table, file.part, file.row)
    when = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    stem = source.stem if file.part is None else f"{file.table}-{source.stem}"
    target = workspace.root / "damaged" / f"{stem}.{when}-{os.getpid()}.parquet"
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Path) and _renamed(source, target):
            return target
        try:
            content = source.read_bytes()
        except OSError:
            source.unlink(missing_ok=True)
            return None
        target.write_bytes(content)
        source.unlink()
    return target


def _renamed(source: Path, target: Path) -> bool:
    """Rename a file, of which a failing disk may read no byte; False to another disk."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True
