"""One command at a time in a workspace: a lock on its folder, and a lease on its bucket."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pipeline.engine.atomic_files import writer_of
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.folders import has_ended
from pipeline.engine.locks import locked
from pipeline.engine.store.lease import leased
from pipeline.engine.store.objects import ObjectStore
from pipeline.engine.store.saved import SavedFiles

# A command that only looks has the files for as long as fetching them takes.
_LOOKS_S, _WAIT_S = 60.0, 0.1
_SWEEP_THEMSELVES = ("media", "releases")


@contextmanager
def held(root: Path, name: str, command: str) -> Iterator[None]:
    """Hold a folder for one command and sweep what killed ones left; a second one is refused, and
    told the workspace's ``name``."""

    def in_use(descriptor: int) -> StickerworksError:
        return StickerworksError(
            f"The workspace {name} is in use by {_holder(descriptor)}.",
            "Wait for it to end, or choose another --workspace.",
        )

    with disk_errors(root):
        root.mkdir(parents=True, exist_ok=True)
    with locked(root / ".lock", in_use) as descriptor:
        holder = json.dumps({"command": command, "pid": os.getpid()}).encode()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder, 0)
        _sweep(root)
        yield


@contextmanager
def held_bucket(root: Path, bucket: ObjectStore, command: str) -> Iterator[list[Path]]:
    """Hold a bucket, with what others saved there; what changed in ``root`` is saved in the end.

    Yields where files lie that were put aside.
    """
    with leased(bucket, command, bucket.settings.lease_s), _own_copy(root, _LOOKS_S):
        _look_anew(bucket)
        aside = SavedFiles(root, bucket).fetch()
        try:
            yield aside
        except BaseException:
            # What went wrong first is what is told; what isn't saved still lies here.
            with suppress(StickerworksError):
                SavedFiles(root, bucket).save()
            raise
        SavedFiles(root, bucket).save()


def fetch(root: Path, bucket: ObjectStore) -> list[Path]:
    """Take over what others saved, and look anew at what lies in the bucket.

    Where a command works in the folder, nothing there is newer. Returns where files lie that were
    put aside.
    """
    _look_anew(bucket)
    with suppress(_BusyError), _own_copy(root, 0):
        return SavedFiles(root, bucket).fetch()
    return []


class _BusyError(StickerworksError):
    """Another command has the files of a working folder open."""


@contextmanager
def _own_copy(root: Path, wait_s: float) -> Iterator[None]:
    """Keep others from replacing files of a working folder, who may be at it for a moment."""

    def busy(_: int) -> StickerworksError:
        return _BusyError(f"Another command reads {root}.", "Run the same command again.")

    until = time.monotonic() + wait_s
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(locked(root / ".saved.lock", busy))
                break
            except _BusyError:
                if time.monotonic() >= until:
                    raise
                time.sleep(_WAIT_S)
        yield


def _look_anew(bucket: ObjectStore) -> None:
    bucket.remembers = True
    bucket.forget("")


def _sweep(root: Path) -> None:
    """Remove what writers that were killed left under temporary names."""
    for folder in (root / "tables", root / "reports", root / "pieces"):
        for leftover in folder.rglob(".*.tmp"):
            leftover.unlink(missing_ok=True)
    for folder in (root, *(path for path in root.glob("*") if path.name not in _SWEEP_THEMSELVES)):
        for leftover in folder.glob(".*.tmp"):
            writer = writer_of(leftover.name)
            # Who only looks takes no lock, and may be writing what it remembers.
            if writer is None or not has_ended(writer):
                continue
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
    for marker in (root / "scratch").glob("*"):
        marker.unlink(missing_ok=True)


def _holder(descriptor: int) -> str:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return f"`stickerworks {found['command']}` (process {found['pid']})"
    except (ValueError, KeyError, TypeError):  # it has just begun, or somebody wrote there
        return "another command"
