"""Every regular file below a folder, in an order that depends on names alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crawlers.ledger import LEDGER

Problem = tuple[str, str, str]
"""State, error class and error of something that is there but can't be used."""


@dataclass(frozen=True)
class Found:
    """A file, its path relative to the folder (with ``/``), and what is wrong with it if any."""

    relative: str
    path: Path
    problem: Problem | None = None


def walk(folder: Path, without: Path | None = None) -> Iterator[Found]:
    """Files below the folder, sorted by the bytes of their names.

    Hidden ones and workspaces are left out: a workspace's files are what we made ourselves.

    Links are followed to files inside of the folder only. What can't be read is yielded with its
    problem. Deep trees are no trouble: nothing recurses.
    """
    root = Path(os.path.realpath(folder))
    pending = [("", folder)]
    while pending:
        relative, path = pending.pop()
        if without is not None and path == without:
            continue
        try:
            kind = _kind(path, root) if relative else "folder"
            if kind == "folder" and not is_workspace(path):
                pending += reversed(_children(relative, path))
        except OSError as error:
            yield Found(relative or ".", path, ("failed", "unreadable", reason(error)))
            continue
        if kind == "outside":
            problem = ("refused", "outside_folder", "the link leads out of the folder")
            yield Found(relative, path, problem)
        elif kind == "file":
            yield Found(relative, path)


def is_workspace(path: Path) -> bool:
    """Whether a folder is a workspace, ours or another one: only those hold a ledger."""
    return (path / LEDGER).is_file()


def reason(error: OSError) -> str:
    """The operating system's own words, without the path of this machine."""
    return error.strerror or type(error).__name__


def _kind(path: Path, root: Path) -> str:
    """``file``, ``folder``, ``outside`` for a link that leaves the folder, or ``other``."""
    if path.is_symlink():
        target = Path(os.path.realpath(path, strict=True))
        if not target.is_relative_to(root):
            return "outside"
        # A linked folder's files are found under their own names; following it could go in rings.
        return "file" if target.is_file() else "other"
    if path.is_dir():
        return "folder"
    return "file" if path.is_file() else "other"


def _children(relative: str, path: Path) -> list[tuple[str, Path]]:
    names = sorted((name for name in os.listdir(path) if name[0] != "."), key=os.fsencode)
    return [(f"{relative}/{name}" if relative else name, path / name) for name in names]
