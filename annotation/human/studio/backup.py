"""Backup while people vote: the server, the ledger, and the tables of what people gave.

The order of copies is what makes them fit. Tables are made from the ledger and the ledger reads
the server, so each is copied before what it was made from: whatever stands in an earlier copy
stands in the later ones too, and an answer that the ledger knows is never one that the server
lost. The server comes last, after the command began, with every vote that it had acknowledged.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from annotation.human.studio.backup_file import TAKEN, Manifest, Part, write_backup
from annotation.human.studio.client import FOLDER
from annotation.human.studio.ledger import LEDGER
from annotation.human.studio.server import find_program
from annotation.human.studio.server_paths import ServerPaths
from pipeline.engine.atomic_files import sync_folder, writer_of
from pipeline.engine.database import copy_database
from pipeline.engine.disk import DiskWatch
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.file_digest import file_sha256
from pipeline.engine.folders import has_ended
from pipeline.engine.store.object_path import TablePath
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.labelling import LabelConfig
from schemas.tables import TABLES

SETTINGS = ("stickerworks.yaml", ".settings.json")
DATABASE = "label_studio.sqlite3"
# What the server makes of the database whenever it is asked to, or never needs.
_MADE_AGAIN = frozenset({"export", "test_data", ".unfinished"})
_STAGING = ".label-backup"
_REMEDY = "Name another FILE."
_TRIES = 5


@dataclass(frozen=True)
class BackedUp:
    """A backup that was written: its file and bytes, and what stands in it."""

    path: Path
    size: int
    manifest: Manifest


def back_up(workspace: Workspace, config: Config, target: Path, *, replace: bool) -> BackedUp:
    """Write a backup to ``target``, or into that folder under a name with the time.

    What stood there stays until the new one is whole. Raises StickerworksError when there is
    nothing to back up, no room or no permission, or ``target`` exists and isn't to be replaced.
    """
    target = _named(target, replace=replace)
    if not (workspace.root / LEDGER).exists():
        raise StickerworksError(
            f"Nobody was asked anything in {workspace.name} yet: there is nothing to back up.",
            "Run `stickerworks label export` first, or name another --workspace.",
        )
    expected = likely_size(workspace, config.label)
    with disk_errors(target, _REMEDY):
        DiskWatch(target.parent, config.engine.min_free_mb).check("`label backup`", 2 * expected)
        with _staging(target.parent) as staging:
            manifest = _collect(workspace, config.label, staging / "parts")
            write_backup(staging / target.name, staging / "parts", manifest)
            if target.exists() and not replace:
                raise _taken(target)
            os.replace(staging / target.name, target)
            sync_folder(target.parent)
    return BackedUp(target, target.stat().st_size, manifest)


def likely_size(workspace: Workspace, label: LabelConfig) -> int:
    """Bytes of what a backup holds, before they are packed."""
    paths = [workspace.root / LEDGER, *(workspace.root / name for name in SETTINGS)]
    if label.url is None:
        place = ServerPaths(workspace.root / FOLDER)
        paths += [place.data / DATABASE, *(path for path, _ in _data_files(place.data))]
    tables = sum(nbytes for name in TAKEN for nbytes, _ in workspace.files(name))
    return tables + sum(path.stat().st_size for path in paths if path.exists())


def program_version(label: LabelConfig) -> str:
    """Version of the Label Studio that is installed; empty where none is, or it doesn't say."""
    try:
        program = find_program(label)
    except StickerworksError:  # a workspace can be saved, and brought back, where none is
        return ""
    libraries = program.resolve().parent.parent / "lib"
    found = sorted(libraries.glob("python3*/site-packages/label_studio-*.dist-info"))
    return found[0].name.removeprefix("label_studio-").removesuffix(".dist-info") if found else ""


def _named(target: Path, *, replace: bool) -> Path:
    target = target.absolute()
    if target.is_dir():
        moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        return target / f"labels-{moment}.tar.gz"
    if target.exists() and not replace:
        raise _taken(target)
    if target.exists() and not target.is_file():
        raise StickerworksError(f"{target} is no regular file.", _REMEDY)
    return target


def _taken(target: Path) -> StickerworksError:
    return StickerworksError(
        f"{target} exists; nothing was written.",
        "Add --replace to put the new backup in its place, or name a folder, in which each backup "
        "gets a name with its time.",
    )


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder for its owner alone, beside the file that is made; those of killed runs go."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_STAGING}.*.tmp"):
        writer = writer_of(left.name)
        if writer not in (None, os.getpid()) and has_ended(writer):
            shutil.rmtree(left, ignore_errors=True)
    staging = folder / f"{_STAGING}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    staging.mkdir(mode=0o700)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _collect(workspace: Workspace, label: LabelConfig, folder: Path) -> Manifest:
    """Copy everything below ``folder``, tables first and the server last."""
    place = ServerPaths(workspace.root / FOLDER)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    for name in SETTINGS:
        _copy(workspace.root / name, folder / name)
    for name in TAKEN:
        _copy_table(workspace, name, folder)
    _copy_sqlite(workspace.root / LEDGER, folder / LEDGER)
    ours = label.url is None and (place.data / DATABASE).exists()
    if ours:
        _copy_server(place, folder / FOLDER)
    parts = tuple(_part(folder, path) for path in sorted(folder.rglob("*")) if path.is_file())
    return Manifest(
        made_at=made_at,
        stickerworks=importlib.metadata.version("stickerworks"),
        label_studio=program_version(label) if ours else "",
        ledger=database_version(folder / LEDGER),
        shown=os.path.normpath(place.files.absolute()),
        tables={name: schema_digest(name) for name in TAKEN},
        parts=parts,
    )


def schema_digest(table: str) -> str:
    """What tells a table's columns from those of another version."""
    columns = [f"{field.name}: {field.type}" for field in TABLES[table].schema]
    return hashlib.sha256("\n".join(columns).encode()).hexdigest()[:16]


def database_version(path: Path) -> int:
    """The version that a ledger's file says it has."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def _copy_server(place: ServerPaths, folder: Path) -> None:
    """The server's database, its secrets and what people gave it, of one moment.

    A password is noted before the server hears of it, so accounts are copied until both are from
    between two changes.
    """
    for _ in range(_TRIES):
        before = place.accounts.read_bytes()
        target = folder / "data" / DATABASE
        target.unlink(missing_ok=True)
        _copy_sqlite(place.data / DATABASE, target)
        if place.accounts.read_bytes() == before:
            break
    else:
        raise StickerworksError(
            f"{place.accounts} changed {_TRIES} times while it was copied; nothing was written.",
            "Wait until no other command of `stickerworks label` runs, then try again.",
        )
    (folder / place.accounts.name).write_bytes(before)
    for path, name in _data_files(place.data):
        _copy(path, folder / "data" / name)


def _data_files(data: Path) -> Iterator[tuple[Path, Path]]:
    """Files beside the database, with their paths relative to the data: avatars, uploads, its key.

    Links and what is no file are nothing that the server made.
    """
    for folder, folders, names in os.walk(data):
        inner = Path(folder).relative_to(data)
        if inner == Path():
            folders[:] = [name for name in folders if name not in _MADE_AGAIN]
        for name in names:
            path = Path(folder, name)
            ours = inner != Path() or not (name in _MADE_AGAIN or name.startswith(DATABASE))
            if ours and path.is_file() and not path.is_symlink():
                yield path, inner / name


def _copy_table(workspace: Workspace, name: str, folder: Path) -> None:
    table = TABLES[name]
    parts: tuple[int | None, ...] = (None,)
    if table.scope != "global":
        parts = workspace.parts_of(name)
    for path in dict.fromkeys(workspace.path(name, part) for part in parts):
        inner = path.name if table.scope == "global" else f"{name}/{path.name}"
        _copy(path, folder / "tables" / inner)


def _copy(source: TablePath, target: Path) -> None:
    """Copy a file that is there; one that is replaced meanwhile is copied as it was."""
    try:
        opened = source.open("rb") if isinstance(source, Path) else source.open()
    except FileNotFoundError:
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with opened as file, target.open("wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)


def _copy_sqlite(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy_database(source, target)


def _part(folder: Path, path: Path) -> Part:
    return Part(path.relative_to(folder).as_posix(), path.stat().st_size, file_sha256(path))
