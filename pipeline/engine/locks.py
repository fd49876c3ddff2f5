"""Files and folders that one process holds at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.engine.errors import StickerworksError, disk_errors


@contextmanager
def locked(path: Path, busy: Callable[[int], StickerworksError]) -> Iterator[int]:
    """Hold a folder, or a file that is made for it, and yield its descriptor.

    Raises the error of ``busy``, which gets the descriptor too, where another process holds it.
    """
    with disk_errors(path):
        flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
        descriptor = os.open(path, flags, 0o644)
    _HELD.add(descriptor)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy(descriptor) from None
        yield descriptor
    finally:
        if descriptor in _HELD:
            _HELD.discard(descriptor)
            os.close(descriptor)


def _let_go() -> None:
    """Close a parent's locks: a worker outlives a killed command, and must not keep its folder."""
    while _HELD:
        os.close(_HELD.pop())


_HELD: set[int] = set()
os.register_at_fork(after_in_child=_let_go)
