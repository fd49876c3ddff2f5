"""One command at a time in a workspace: a lock on its folder, and a lease on its bucket."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.locks import locked
from pipeline.engine.store.lease import leased
from pipeline.engine.store.objects import ObjectStore
from pipeline.engine.store.saved import SavedFiles


@contextmanager
def held(root: Path, command: str) -> Iterator[None]:
    """Hold a folder for one command and sweep what killed ones left; a second one is refused."""

    def in_use(descriptor: int) -> StickerworksError:
        return StickerworksError(
            f"The workspace {root} is in use by {_holder(descriptor)}.",
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
def held_bucket(root: Path, bucket: ObjectStore, command: str) -> Iterator[None]:
    """Hold a bucket, with what others saved there; what changed in ``root`` is saved in the end."""
    with leased(bucket, command, bucket.settings.lease_s):
        fetch(root, bucket)
        try:
            yield
        except BaseException:
            # What went wrong first is what is told; what isn't saved still lies here.
            with suppress(StickerworksError):
                SavedFiles(root, bucket).save()
            raise
        SavedFiles(root, bucket).save()


def fetch(root: Path, bucket: ObjectStore) -> None:
    """Take over what others saved, and look anew at what lies in the bucket."""
    bucket.remembers = True
    bucket.forget("")
    SavedFiles(root, bucket).fetch()


def _sweep(root: Path) -> None:
    """Remove what writers that were killed left under temporary names."""
    for folder in (root / "tables", root / "reports", root / "pieces"):
        for leftover in folder.rglob(".*.tmp"):
            leftover.unlink(missing_ok=True)
    for marker in (root / "scratch").glob("*"):
        marker.unlink(missing_ok=True)


def _holder(descriptor: int) -> str:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return f"`stickerworks {found['command']}` (process {found['pid']})"
    except (ValueError, KeyError, TypeError):  # it has just begun, or somebody wrote there
        return "another command"
