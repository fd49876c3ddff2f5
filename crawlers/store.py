"""Content-addressed files: ``media/ab/<sha256>.<format>`` below the workspace."""

from __future__ import annotations

from pathlib import Path

from pipeline.engine.errors import disk_errors
from pipeline.engine.storage import atomic_file
from pipeline.engine.workspace import Workspace


def media_path(sha256: str, name: str) -> str:
    """Where bytes of that hash and format lie, relative to the workspace."""
    return f"media/{sha256[:2]}/{sha256}.{name}"


def store(workspace: Workspace, path: str, data: bytes) -> None:
    """Write bytes at a path of media_path(), whole or not at all."""
    target = workspace.root / path
    if not holds(target, len(data)):
        with atomic_file(target) as temporary:
            temporary.write_bytes(data)


def holds(path: Path, nbytes: int) -> bool:
    """Whether a file of that size is there."""
    try:
        return path.stat().st_size == nbytes
    except OSError:
        return False


def sweep(workspace: Workspace) -> None:
    """Remove what a killed crawl left half written."""
    with disk_errors(workspace.media):
        for leftover in workspace.media.glob("*/.*.tmp"):
            leftover.unlink(missing_ok=True)
