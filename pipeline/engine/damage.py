"""Damaged tables: found by their checksums when they are read, and kept for who wants to look."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pipeline.engine.errors import DamagedTableError, disk_errors
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES


def damaged_table(error: DamagedTableError) -> str | None:
    """Name of the table that a damaged file belongs to; None where it is none of ours."""
    path = error.path
    name = path.stem if path.stem in TABLES else path.parent.name
    return name if name in TABLES else None


def set_aside(workspace: Workspace, path: Path) -> Path:
    """Move a damaged file into the workspace's folder ``damaged``; returns where it lies now."""
    folder = workspace.root / "damaged"
    when = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    table = f"{path.parent.name}-" if path.parent.name in TABLES else ""
    target = folder / f"{table}{path.stem}.{when}-{os.getpid()}{path.suffix}"
    with disk_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    return target
