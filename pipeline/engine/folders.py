"""Folders that are whole or not there, whenever the process that makes them is killed."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from pipeline.engine.atomic_files import sync_folder
from pipeline.engine.errors import disk_errors

_LEFT = re.compile(r"(\d{1,9})\.(tmp|old)")


@contextmanager
def whole_folder(target: Path, remedy: str = "Choose another --output.") -> Iterator[Path]:
    """A folder beside ``target`` that takes its place when the block succeeds.

    Killed at any time, ``target`` is the old folder or the new one, at the latest when the next
    process makes it. Raises StickerworksError with ``remedy`` where it can't be written.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with disk_errors(target, remedy):
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        temporary.mkdir()
        try:
            yield temporary
            # One flush of everything: thousands of small files, each synced, would take minutes.
            os.sync()
            _replace(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def has_ended(pid: int) -> bool:
    """Whether what a process of that number began is left over: it is gone, or it is ours.

    One that ended and that nobody has waited for is gone, too.
    """
    if pid == os.getpid():
        return True
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def _replace(temporary: Path, target: Path) -> None:
    old = temporary.with_suffix(".old")
    if target.exists():
        os.rename(target, old)
    os.rename(temporary, target)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Remove what processes that were killed left beside ``target``, but not what still runs."""
    for path in target.parent.glob(f".{glob.escape(target.name)}.*"):
        match = _LEFT.fullmatch(path.name.removeprefix(f".{target.name}."))
        if match is None or not has_ended(int(match[1])):
            continue
        if match[2] == "old" and not target.exists():  # killed between the two renames
            os.rename(path, target)
        else:
            shutil.rmtree(path, ignore_errors=True)
