"""Takes what was taken down out of the workspace's other files: bytes, logs, reports, leftovers."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.caching import cache_folder
from pipeline.engine.errors import StickerworksError
from pipeline.engine.file_digest import file_sha256
from pipeline.engine.store.contract import ANYTHING
from pipeline.engine.workspace import Workspace
from pipeline.release.takedown.cleaner.folder import PICTURES
from pipeline.release.takedown.cleaner.lines import LINES, MOST_TEXT, PAGES, clean_lines
from pipeline.release.takedown.cleaner.named import TakenDown
from pipeline.release.takedown.cleaner.removed import RemovedFiles
from pipeline.release.takedown.cleaner.shards import is_touched, rewrite_shard
from pipeline.release.takedown.releases import release_folders
from pipeline.release.takedown.request import FILE, Request

# What has its own ways: tables and packs, what servers keep, footers of tables.
_OTHERS = ("tables", "media", "cache", "pieces", "scratch")
_SETTINGS = (FILE, ".lock", "stickerworks.yaml", ".settings.json")
_SHEETS = (".ods", ".xls", ".xlsm", ".xlsx")
# Frames and features of whole data sets, by a hash of all of it: whose they are nobody can say.
_CACHES = ("frames", "latents", "texts")
# Above what any sticker has.
_MOST_BYTES = 1 << 30
_MOST_TEXT_UNKNOWN = 1 << 26
# How archives and packed files begin: zip, gzip, bzip2, xz, zstd, 7z, rar.
_CONTAINERS = (
    b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd",
    b"7z\xbc\xaf\x27\x1c", b"Rar!",
)  # fmt: skip


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


Remains = Callable[[Path, Collection[str]], bytes | None]
"""What may stay of a sheet that goes, without words that are gone; None where nobody filled it in.

Raises StickerworksError where that can't be told."""


@dataclass
class Swept:
    """Pages that were removed, files that can't be looked into, and where that which people
    decided on a sheet is now ("" where it couldn't be read); by name below the workspace."""

    pages: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    decisions: dict[str, str] = field(default_factory=dict)


def sheets_that_go(workspace: Workspace, request: Request) -> list[Path]:
    """Files of reports that show pictures in their cells, or keywords that go, and the CSV file
    that was written with one."""
    return _sheets(workspace, sorted(_files(workspace)), request.words_gone)


def _sheets(workspace: Workspace, files: Sequence[Path], words: Collection[str]) -> list[Path]:
    ours = [path for path in files if path.is_relative_to(workspace.reports)]
    ours = [path for path in ours if not (_is_page(path) or path.name.endswith(PICTURES))]
    sheets = {path for path in ours if _is_sheet(path, words)}
    tables = {path.with_suffix(".csv") for path in sheets if path.suffix == ".xlsx"}
    return [path for path in ours if path in sheets or (path in tables and _is_table(path))]


def _leave_decisions(
    root: Path, sheets: Sequence[Path], words: Collection[str], remains: Remains
) -> Iterator[tuple[str, str]]:
    """Write what was decided on each sheet beside it; names of both, "" where a sheet can't be
    read."""
    for path in sheets:
        name = path.relative_to(root).as_posix()
        try:
            data = remains(path, words)
        except StickerworksError:
            yield name, ""
            continue
        if data is not None:
            with atomic_file(target := _free_name(path)) as temporary:
                temporary.write_bytes(data)
            yield name, target.relative_to(root).as_posix()


def _free_name(sheet: Path) -> Path:
    numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    names = (sheet.with_name(f"{sheet.stem}.decisions{number}.csv") for number in numbers)
    return next(path for path in names if not path.exists())


def purge_files(workspace: Workspace, request: Request, remains: Remains | None = None) -> Swept:
    """Clean all other files below the workspace, whatever their names."""
    root, gone, swept = workspace.root, request.gone, Swept()
    for part in request.parts:
        for path in (root / "pieces").glob(f"*/part-{part:05d}-*.parquet"):
            path.unlink(missing_ok=True)
    shutil.rmtree(root / "scratch", ignore_errors=True)
    removed: list[str] = []
    files = {path.relative_to(root).as_posix(): path for path in sorted(_files(workspace))}
    sheets = _sheets(workspace, list(files.values()), request.words_gone)
    if remains is not None:
        swept.decisions |= _leave_decisions(root, sheets, request.words_gone, remains)
    for name, path in files.items():
        if _is_page(path) or (name.startswith("reports/") and path.name.endswith(PICTURES)):
            # A page shows pictures made smaller, which no hash tells.
            path.unlink()
            swept.pages.append(name)
        elif path in sheets:
            # Made anew by `tags sheet`; what people filled in and applied is in tables.
            path.unlink()
            swept.pages.append(name)
        elif gone.names_text(path.name) or _shows(path, gone):
            path.unlink()
            removed.append(name)
    files |= {name: root / name for name in swept.decisions.values() if name}
    names = [name for name, path in files.items() if path.exists()]
    told = RemovedFiles(removed, names)
    for name in names:
        half_made = name.startswith(("damaged/", "releases/."))
        if not _clean(files[name], gone, told, half_made=half_made):
            swept.left.append(name)
    for kind in _CACHES:
        for path in cache_folder(kind).iterdir():
            if not path.is_dir():
                path.unlink(missing_ok=True)
    return swept


def _clean(path: Path, gone: TakenDown, files: RemovedFiles, *, half_made: bool) -> bool:
    """Clean a file; False where that can't be done, and it may hold what went."""
    if path.suffix == ".parquet":
        try:
            if is_touched(path, gone):
                rewrite_shard(path, gone)
        except (pa.ArrowException, OSError):
            if half_made:  # what can't be read can't be cleaned
                path.unlink()
            return half_made
        return True
    if path.suffix.lower() in PICTURES:  # its bytes were looked at
        return True
    if path.name.endswith(LINES) or _is_text(path):
        if path.stat().st_size > MOST_TEXT:
            return False
        clean_lines(path, gone, files)
        return True
    return not (_is_container(path) or _holds_id(path, gone))


def _files(workspace: Workspace) -> Iterator[Path]:
    root = workspace.root
    releases = release_folders(workspace)
    for folder in sorted(root.iterdir()):
        if folder.name in (*_OTHERS, *_SETTINGS) or folder.is_symlink():
            continue
        if folder.is_file():
            yield folder
            continue
        for path in folder.rglob("*"):
            # A server's own files are its own, those that it shows were removed before.
            ours = not path.is_relative_to(root / "label-studio" / "data")
            ours = ours and not any(path.is_relative_to(release) for release in releases)
            if ours and path.is_file() and not path.is_symlink() and ".sqlite" not in path.name:
                yield path


def _is_page(path: Path) -> bool:
    return any(suffix.lower() in PAGES for suffix in path.suffixes)


def _is_sheet(path: Path, words: Collection[str]) -> bool:
    """Whether a file has pictures in its cells, or keywords that are gone."""
    suffix = path.suffix.lower()
    if suffix in _SHEETS:
        return True
    if suffix not in (".csv", ".json") or not words or path.stat().st_size > MOST_TEXT:
        return False
    data = path.read_bytes()
    texts = [data.decode(encoding, "replace") for encoding in ("utf-8", "gb18030", "utf-16")]
    return any(word in text for word in words for text in texts)


def _is_table(path: Path) -> bool:
    """Whether a CSV file is one of those that are written with a sheet."""
    with path.open("rb") as file:
        start = file.read(4096)
    texts = [start.decode(encoding, "replace") for encoding in ("utf-8", "utf-16")]
    return any(all(word in text for word in ("key", "decision", "version")) for text in texts)


def _shows(path: Path, gone: TakenDown) -> bool:
    """Whether a file, whatever it is called, is a sticker's or a picture of one."""
    if path.stat().st_size > _MOST_BYTES:
        return False
    digest = file_sha256(path)
    return digest in gone.ids or digest in gone.pictures


def _is_text(path: Path) -> bool:
    if path.stat().st_size > _MOST_TEXT_UNKNOWN:
        return False
    try:
        return "\0" not in path.read_text("utf-8")
    except UnicodeDecodeError:
        return False


def _is_container(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(512)
    return start.startswith(_CONTAINERS) or start[257:262] == b"ustar"


def _holds_id(path: Path, gone: TakenDown) -> bool:
    before = ""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            text = before + block.decode("latin-1")
            if gone.names_text(text):
                return True
            before = text[-63:]
    return False
