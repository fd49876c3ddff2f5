"""Files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.engine.errors import disk_errors

_TEMPORARY = re.compile(r"\..+\.(\d{1,9})(?:-[0-9a-f]+)?\.tmp")


@contextmanager
def atomic_file(path: Path, *, lasting: bool = True) -> Iterator[Path]:
    """A temporary name beside ``path`` that becomes ``path`` when the block succeeds.

    What isn't ``lasting`` may be lost, or torn, in a power cut: a flush takes longer than most
    files do, and what is checked when it is read and can be made again needs none.
    """
    # On a shared disk, processes of two machines may have the same number.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    with disk_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if lasting:
                with temporary.open("rb") as written:
                    os.fsync(written.fileno())
            os.replace(temporary, path)
            if lasting:
                sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def writer_of(name: str) -> int | None:
    """The process that writes under a temporary name, as the end of it says; None for others."""
    found = _TEMPORARY.fullmatch(name)
    return None if found is None else int(found[1])


def sync_folder(folder: Path) -> None:
    """Make renames within ``folder`` last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
