"""Takes what was taken down out of the workspace's other files: bytes, logs, reports, leftovers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.caching import cache_folder
from pipeline.engine.store.contract import ANYTHING
from pipeline.engine.workspace import Workspace
from pipeline.release.takedown.cleaner.lines import LINES, PAGES, clean_lines
from pipeline.release.takedown.cleaner.named import TakenDown
from pipeline.release.takedown.cleaner.shards import is_touched, rewrite_shard
from pipeline.release.takedown.request import FILE, Request

_PICTURES = (
    ".apng", ".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".mp4", ".png", ".tgs", ".webm", ".webp",
)  # fmt: skip
# What has its own ways: tables and packs, releases, what servers keep, footers of tables.
_OTHERS = ("tables", "media", "releases", "cache", "pieces", "scratch")
_SETTINGS = (FILE, ".lock", "stickerworks.yaml", ".settings.json")
# Frames and features of whole data sets, by a hash of all of it: whose they are nobody can say.
_CACHES = ("frames", "latents", "texts")


def purge_media(workspace: Workspace, request: Request) -> int:
    """Remove the stickers' bytes from the workspace; how many files of yours elsewhere remain.

    In a pack, zeros take their place, so that what else lies in it stays where it is.
    """
    ids = pa.array(sorted(request.kinds), pa.string())
    packed: dict[str, list[tuple[int, int]]] = {}
    elsewhere = 0
    for part in request.parts:
        rows = workspace.read("media", part)
        for row in rows.filter(pc.is_in(rows["id"], value_set=ids)).to_pylist():
            if row["pack"] is not None:
                packed.setdefault(row["pack"], []).append((row["offset"], row["nbytes"]))
            elif row["path"] is not None:
                elsewhere += os.path.isabs(row["path"])
    for name, places in packed.items():
        content = bytearray(workspace.store.read(name))
        for start, nbytes in places:
            content[start : start + nbytes] = bytes(len(content[start : start + nbytes]))
        workspace.store.write(name, bytes(content), ANYTHING)
    for id_ in request.kinds:
        for path in (workspace.media / id_[:2]).glob(f"{id_}.*"):
            path.unlink(missing_ok=True)
    return elsewhere


def purge_files(workspace: Workspace, request: Request) -> list[str]:
    """Clean all other files below the workspace; names of pages that were removed."""
    root, gone = workspace.root, request.gone
    for part in request.parts:
        for path in (root / "pieces").glob(f"*/part-{part:05d}-*.parquet"):
            path.unlink(missing_ok=True)
    shutil.rmtree(root / "scratch", ignore_errors=True)
    removed: list[str] = []
    files: set[str] = set()
    for path in sorted(_files(root)):
        name = path.relative_to(root).as_posix()
        if path.name.endswith(PAGES) or (name.startswith("reports/") and _is_picture(path)):
            # A page shows pictures made smaller, which no hash tells.
            path.unlink()
            removed.append(name)
        elif gone.names_text(path.name) or (
            _is_picture(path) and gone.shows_file(path.read_bytes())
        ):
            path.unlink()
            files.add(path.name)
    for path in sorted(_files(root)):
        _clean(path, gone, frozenset(files), damaged=path.parent == root / "damaged")
    for kind in _CACHES:
        for path in cache_folder(kind).iterdir():
            if not path.is_dir():
                path.unlink(missing_ok=True)
    return removed


def _clean(path: Path, gone: TakenDown, files: frozenset[str], *, damaged: bool) -> None:
    if path.suffix == ".parquet":
        try:
            if is_touched(path, gone):
                rewrite_shard(path, gone)
        except (pa.ArrowException, OSError):
            if damaged:  # what can't be read can't be cleaned
                path.unlink()
    elif path.suffix in LINES:
        clean_lines(path, gone, files)


def _files(root: Path) -> Iterator[Path]:
    for folder in sorted(root.iterdir()):
        if folder.name in (*_OTHERS, *_SETTINGS) or folder.is_symlink():
            continue
        if folder.is_file():
            yield folder
            continue
        for path in folder.rglob("*"):
            # A server's own files are its own, those that it shows were removed before.
            ours = not path.is_relative_to(root / "label-studio" / "data")
            if ours and path.is_file() and not path.is_symlink() and ".sqlite" not in path.name:
                yield path


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _PICTURES
