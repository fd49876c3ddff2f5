"""Free disk: known before work begins and while it goes on, not when a write fails."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

_LOOK_EVERY_S = 2.0
_SAMPLED = 64
_MIN_FILES = 1000
"""Files that a command may have to make before somebody looks again."""


@dataclass
class DiskWatch:
    """Watches the disk of a folder, on which ``min_free_mb`` megabytes must stay free."""

    folder: Path
    min_free_mb: int
    clock: Callable[[], float] = time.monotonic
    _looked: float = field(default=float("-inf"), init=False)

    def look(self) -> None:
        """StickerworksError when too little is left; asked again and again, it looks seldom."""
        now = self.clock()
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            self.check()

    def check(self, what: str = "", expected: int = 0) -> None:
        """StickerworksError unless there is room for ``expected`` bytes more and what must stay."""
        found = os.statvfs(_standing(self.folder))
        free = found.f_bavail * found.f_frsize
        if free < self.min_free_mb * 2**20:
            raise StickerworksError(
                f"The disk of {self.folder} is nearly full: {_mb(free)} MB are free, and "
                f"engine.min_free_mb asks for {self.min_free_mb:,}.",
                "Nothing finished is lost; free some space and run the same command again.",
            )
        if free < expected + self.min_free_mb * 2**20:
            raise StickerworksError(
                f"{what} is likely to write {_mb(expected)} MB, and {_mb(free)} MB are free on the "
                f"disk of {self.folder} ({self.min_free_mb:,} of them are to stay so).",
                "Free some space, or lower engine.min_free_mb, and run the same command again.",
            )
        # Some file systems make files as they need them, and count none.
        if found.f_files and found.f_favail < _MIN_FILES:
            raise StickerworksError(
                f"The disk of {self.folder} can take {found.f_favail:,} more files, and a command "
                f"may need {_MIN_FILES:,}.",
                "Delete some files and run the same command again; nothing finished is lost.",
            )


def likely_bytes(tables: Sequence[str], workspace: Workspace) -> int:
    """Bytes of this machine's disk that the missing shards of tables are likely to take, by those
    that are there."""
    shards = workspace.parts
    total = 0.0
    for table in tables:
        if TABLES[table].scope == "global":
            continue
        made = workspace.parts_of(table)[:_SAMPLED]
        missing = len(shards) - len(workspace.parts_of(table))
        if made and missing > 0:
            # Several shards may lie in one file.
            files = {workspace.path(table, part) for part in made}
            sizes = (path.stat().st_size for path in files if isinstance(path, Path))
            total += sum(sizes) / len(made) * missing
    return int(total)


def _standing(folder: Path) -> Path:
    """The folder, or the one above it that exists: a workspace may still have to be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _mb(count: int) -> str:
    return f"{count / 2**20:,.0f}"
