"""Damaged tables: found by their checksums when they are read, and kept for who wants to look."""

from __future__ import annotations

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


def set_aside(workspace: Workspace, file: DamagedFile) -> Path:
    """Move a damaged file into the workspace's folder ``damaged``; returns where it lies now."""
    source = workspace.path(file.table, file.part)
    if file.part is not None and file.row is not None:
        source = workspace.piece(file.table, file.part, file.row)
    when = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    stem = source.stem if file.part is None else f"{file.table}-{source.stem}"
    target = workspace.root / "damaged" / f"{stem}.{when}-{os.getpid()}.parquet"
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
        source.unlink()
    return target
