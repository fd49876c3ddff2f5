"""Bytes of stickers: a file each, ``media/ab/<sha256>.<format>``, until they lie in a pack."""

from __future__ import annotations

from pathlib import Path

from crawlers.ledger.ledger import Blob, CrawlLedger
from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import disk_errors
from pipeline.engine.workspace import Workspace


def media_path(sha256: str, name: str) -> str:
    """Where bytes of that hash and format lie, relative to the workspace."""
    return f"media/{sha256[:2]}/{sha256}.{name}"


def store(workspace: Workspace, path: str, data: bytes) -> None:
    """Write bytes at a path of media_path(), whole or not at all.

    Two flushes took longer than the rest of a fetch. What a power cut tears has another size than
    the ledger says, and is fetched again.
    """
    target = workspace.root / path
    if not _holds(target, len(data)):
        with atomic_file(target, lasting=False) as temporary:
            temporary.write_bytes(data)


def has_bytes(workspace: Workspace, ledger: CrawlLedger, blob: Blob) -> bool:
    """Whether the bytes that the ledger knows are still there, in a pack or a file of their own."""
    pack = ledger.pack(blob.sha256)
    if pack is not None and workspace.store.stat(pack) is not None:
        return True
    return _holds(workspace.root / blob.path, blob.nbytes)


def sweep(workspace: Workspace) -> None:
    """Remove what a killed crawl left half written."""
    with disk_errors(workspace.media):
        for leftover in workspace.media.glob("*/.*.tmp"):
            leftover.unlink(missing_ok=True)


def _holds(path: Path, nbytes: int) -> bool:
    try:
        return path.stat().st_size == nbytes
    except OSError:
        return False
