"""What lies below a folder, in an order that depends on names alone, and opening its files."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from crawlers.ledger.ledger import LEDGER

NEVER_STICKERS = frozenset({"hidden", "linked_folder", "no_file"})
"""Error classes of what isn't even tried: it takes no place among a folder's stickers."""

Problem = tuple[str, str, str]
"""State, error class and error of something that is there but can't be used."""


@dataclass(frozen=True)
class FoundFile:
    """A file, its path relative to the folder (with ``/``), and what is wrong with it if any."""

    relative: str
    path: Path
    problem: Problem | None = None


def walk(folder: Path, without: Path | None = None) -> Iterator[FoundFile]:
    """What lies below the folder, sorted by the bytes of their names; nothing is opened.

    Links are followed to files inside of the folder only. What is no file, can't be read or is
    hidden is yielded with its problem, and a hidden folder's files are not looked for. Workspaces
    are left out: their files are what we made ourselves. Deep trees are no trouble: nothing
    recurses.
    """
    root = Path(os.path.realpath(folder))
    pending = [("", folder)]
    while pending:
        relative, path = pending.pop()
        if without is not None and path == without:
            continue
        try:
            problem = _problem(path, root) if relative else None
            if problem is None and path.is_dir():
                if not is_workspace(path):
                    pending += reversed(_children(relative, path))
                continue
        except OSError as error:
            problem = ("failed", "unreadable", reason(error))
        yield FoundFile(relative or ".", path, problem)


def open_regular(path: Path) -> BinaryIO:
    """A file, open for reading its bytes; OSError for pipes, devices and all else that is none."""
    _check_regular(os.stat(path).st_mode)
    # O_NONBLOCK: what was a file may be a pipe by now, and opening that would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check_regular(os.fstat(descriptor).st_mode)
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def is_workspace(path: Path) -> bool:
    """Whether a folder is a workspace, ours or another one: only those hold a ledger."""
    return (path / LEDGER).is_file()


def reason(error: OSError | ValueError) -> str:
    """The operating system's own words, without the path of this machine."""
    if isinstance(error, UnicodeError):
        return "the name is no text that this file system takes"
    said = error.strerror if isinstance(error, OSError) else str(error)
    return said or type(error).__name__


def _problem(path: Path, root: Path) -> Problem | None:
    """Why this entry of a folder is neither a folder to look into nor a file to read."""
    if path.name.startswith("."):
        return "refused", "hidden", "its name begins with a dot"
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        target = Path(os.path.realpath(path, strict=True))
        if not target.is_relative_to(root):
            return "refused", "outside_folder", "the link leads out of the folder"
        mode = os.stat(target).st_mode
        # Following it could go in rings.
        if stat.S_ISDIR(mode):
            return "refused", "linked_folder", "links to folders are not followed"
    if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
        return None
    return "failed", "no_file", f"it is {_kind(mode)}, not a file"


def _check_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {_kind(mode)}, not a file")


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "something else")


_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def _children(relative: str, path: Path) -> list[tuple[str, Path]]:
    names = sorted(os.listdir(path), key=os.fsencode)
    return [(f"{relative}/{name}" if relative else name, path / name) for name in names]
