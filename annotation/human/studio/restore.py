"""Restore: a backup becomes the server, ledger and votes of a workspace; what was there lies aside.

Everything is checked in a folder of its own first. The server's folder, with the ledger, comes
last and in one step: a restore that was killed before is begun anew by the same command.
"""

from __future__ import annotations

import filecmp
import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.studio.backup import (
    DATABASE,
    SETTINGS,
    database_version,
    program_version,
    schema_digest,
)
from annotation.human.studio.backup_file import TAKEN, Manifest, read_backup
from annotation.human.studio.client import FOLDER
from annotation.human.studio.forgetting import forget_tasks
from annotation.human.studio.ledger import LEDGER, open_ledger
from annotation.human.studio.ledger_sql import VERSION
from annotation.human.studio.process import GATEWAY_MARK, MARK, serving
from annotation.human.studio.server_paths import ServerPaths, read_accounts
from pipeline.engine.atomic_files import sync_folder
from pipeline.engine.database import check_database
from pipeline.engine.disk import DiskWatch
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.storage import Proof, read_proof, read_table, write_table
from pipeline.engine.store.object_path import TablePath
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import TABLES

Say = Callable[[str], None]

_STAGING = ".label-restore"
_GIVEN = frozenset({"votes", "adjudications", "flags", "corrections", "text_checks", "tasks"})


@dataclass(frozen=True)
class Restored:
    """What was restored, and where what stood there before lies now, if anything did."""

    manifest: Manifest
    aside: Path | None


def restore(
    source: Path, workspace: Workspace, config: Config, *, replace: bool, say: Say
) -> Restored:
    """Put a backup into a workspace, which the caller holds; ``say`` hears what is worth knowing.

    Raises StickerworksError, with nothing changed, for what is no whole backup, for one of a newer
    version, for a workspace whose server runs, and for one that has votes, unless ``replace``.
    """
    root = workspace.root
    _check_stopped(ServerPaths(root / FOLDER))
    with disk_errors(root), _staging(root) as staging:

        def check(manifest: Manifest) -> None:
            _check_versions(source, manifest, config)
            DiskWatch(root, config.engine.min_free_mb).check("`label restore`", manifest.size)

        manifest = read_backup(source, staging, check)
        _check_databases(source, staging)
        _check_parts(source, staging)
        _forget_taken_down(workspace, staging)
        _move_shown(staging, manifest.shown, ServerPaths(root / FOLDER), say)
        changed = _changed(workspace, staging)
        own = [path for path in changed if _is_given(path, _target(workspace, staging, path))]
        if (own or _in_use(root)) and not replace:
            raise StickerworksError(
                f"{workspace.name} has tasks or votes of its own; nothing was changed.",
                "Add --replace: what is there is put aside in that workspace, not deleted. Or name "
                "another --workspace.",
            )
        aside = _put(workspace, staging, changed, replace=replace, say=say)
    _say_versions(manifest, config, say)
    return Restored(manifest, aside)


@contextmanager
def _staging(root: Path) -> Iterator[Path]:
    """A folder that the next command in the workspace removes, should this one be killed."""
    staging = root / f"{_STAGING}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    staging.mkdir(mode=0o700, parents=True)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check_stopped(place: ServerPaths) -> None:
    if any(serving(place.data.absolute(), mark) for mark in (MARK, GATEWAY_MARK)):
        raise StickerworksError(
            f"The server of {place.root} runs; nothing was changed.",
            "Stop it first: stickerworks label stop (in the same --workspace).",
        )


def _check_versions(source: Path, manifest: Manifest, config: Config) -> None:
    if manifest.ledger > VERSION:
        raise StickerworksError(
            f"{source} has a ledger of version {manifest.ledger}, made by stickerworks "
            f"{manifest.stickerworks}; this program knows {VERSION}. Nothing was changed.",
            "Restore it with that version of stickerworks, or a newer one.",
        )
    here, then = program_version(config.label), manifest.label_studio
    if here and then and _numbers(here) < _numbers(then):
        raise StickerworksError(
            f"{source} is of Label Studio {then}, and {here} is installed: an older server can't "
            "use a newer one's database. Nothing was changed.",
            f"Install Label Studio {then} or newer (`make label-studio`, or label.server).",
        )


def _say_versions(manifest: Manifest, config: Config, say: Say) -> None:
    here, then = program_version(config.label), manifest.label_studio
    if not then:
        say("The backup has no server: its people work on a server of others (label.url).")
    elif here and _numbers(here) > _numbers(then):
        say(f"Label Studio {here} changes the database, which is {then}'s, when it first starts.")
    elif not here:
        say(f"No Label Studio is installed here; this needs {then} or newer: make label-studio")
    if 0 < manifest.ledger < VERSION:
        say(f"The ledger was upgraded from version {manifest.ledger} to {VERSION}.")
    tables = (Path(part.place).parts[1] for part in manifest.parts if "tables/" in part.place)
    there = {name.removesuffix(".parquet") for name in tables}
    known = {name: schema_digest(name) for name in TAKEN}
    other = [name for name in TAKEN if name in there and manifest.tables.get(name) != known[name]]
    if other:
        say(
            f"The columns of {', '.join(other)} are of another version of stickerworks: run "
            "`stickerworks label import`, which makes them anew."
        )


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version that order it; what follows them doesn't count.

    >>> _numbers("1.23.2") < _numbers("1.100.0.post1")
    True
    """
    return tuple(int(number[:9]) for number in re.findall(r"[0-9]+", version[:50])[:3])


def _check_databases(source: Path, staging: Path) -> None:
    """Refuse databases that can't be used, and bring the ledger to this program's version."""
    found = [staging / LEDGER, staging / FOLDER / "data" / DATABASE]
    if not found[0].exists():
        raise StickerworksError(f"{source} holds no ledger.", "Name another backup.")
    for path in filter(Path.exists, found):
        try:
            with closing(sqlite3.connect(path)) as connection:
                check_database(connection, source)
        except sqlite3.DatabaseError as error:
            raise StickerworksError(
                f"{path.name} in {source} is no database: {error}.", "Name another backup."
            ) from error
    if database_version(found[0]) > VERSION:
        raise StickerworksError(f"{source} has a newer ledger than it says.", "Name another backup")
    with open_ledger(staging):
        pass
    (staging / FOLDER / "data").mkdir(mode=0o700, exist_ok=True)


def _check_parts(source: Path, staging: Path) -> None:
    """Refuse accounts and tables that nothing could read, whatever their sums say."""
    place = ServerPaths(staging / FOLDER)
    try:
        if place.accounts.exists():
            read_accounts(place)
        for path in sorted((staging / "tables").rglob("*.parquet")):
            inner = path.relative_to(staging / "tables")
            _check_columns(inner.parts[0].removesuffix(".parquet"), read_table(path).schema)
    except StickerworksError as error:
        said = str(error).replace(f"{staging}/", "")
        raise StickerworksError(
            f"{source} holds what can't be used: {said}",
            "Nothing was changed. Name another backup.",
        ) from error


def _check_columns(name: str, found: pa.Schema) -> None:
    known = {field.name: field.type for field in TABLES[name].schema}
    odd = [field.name for field in found if known.get(field.name, field.type) != field.type]
    if odd or not set(known) & set(found.names):
        raise StickerworksError(f"tables/{name} has other columns ({', '.join(odd) or 'all'}).")


def _forget_taken_down(workspace: Workspace, staging: Path) -> None:
    """Leave out what was taken down in this workspace after the backup was made."""
    gone = workspace.read("tombstones", columns=["id"])["id"].drop_null()
    if not len(gone):
        return
    forget_tasks(staging, gone.to_pylist())
    shutil.rmtree(staging / "tables" / "labels", ignore_errors=True)  # made of the votes again
    for path in (staging / "tables").glob("*.parquet"):
        rows = read_table(path)
        if "id" in rows.column_names:
            kept = rows.filter(pc.invert(pc.is_in(rows["id"], value_set=gone.combine_chunks())))
            write_table(path, kept, read_proof(path) or Proof("label restore", "backup"))


def _move_shown(staging: Path, before: str, place: ServerPaths, say: Say) -> None:
    """Let the server show files of the new place: it has noted folders by absolute paths."""
    database = staging / FOLDER / "data" / DATABASE
    if not database.exists():
        return
    now = os.path.normpath(place.files.absolute())
    try:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(
                "UPDATE io_storages_localfilesmixin SET path = ? || substr(path, ?) "
                "WHERE path = ? OR substr(path, 1, ?) = ? || '/'",
                (now, len(before) + 1, before, len(before) + 1, before),
            )
    except sqlite3.OperationalError:  # a Label Studio that notes them elsewhere
        say("Pictures show after the next `label export`: this Label Studio notes folders anew.")


def _in_use(root: Path) -> bool:
    folder = root / FOLDER
    return folder.exists() and any(folder.iterdir())


def _changed(workspace: Workspace, staging: Path) -> list[Path]:
    """Staged tables that aren't in the workspace with the same bytes."""
    files = sorted((staging / "tables").rglob("*.parquet"))
    return [path for path in files if not _same(path, _target(workspace, staging, path))]


def _target(workspace: Workspace, staging: Path, path: Path) -> TablePath:
    return workspace.place.at(path.relative_to(staging).as_posix())


def _same(path: Path, target: TablePath) -> bool:
    if not target.exists():
        return False
    if isinstance(target, Path):
        return filecmp.cmp(path, target, shallow=False)
    return path.read_bytes() == target.read_bytes()


def _is_given(path: Path, target: TablePath) -> bool:
    """Whether the table file in the workspace may hold people's own work."""
    return path.stem in _GIVEN and target.exists()


def _put(
    workspace: Workspace, staging: Path, changed: Sequence[Path], *, replace: bool, say: Say
) -> Path | None:
    """Put what was staged into its places: settings, tables, and the server's folder last."""
    root = workspace.root
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    aside = root / f"before-restore-{moment}"
    for name in SETTINGS:
        _put_settings(staging / name, root / name, aside, replace=replace, say=say)
    for path in changed:
        target = _target(workspace, staging, path)
        if target.exists():
            kept = aside / path.relative_to(staging)
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _keep(target, kept)
        if isinstance(target, Path):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
            sync_folder(target.parent)
        else:
            target.write(path.read_bytes())
    if (root / FOLDER).exists():
        aside.mkdir(mode=0o700, exist_ok=True)
        os.rename(root / FOLDER, aside / FOLDER)
    os.rename(staging / FOLDER, root / FOLDER)
    sync_folder(root)
    workspace.place.renew(root / LEDGER)
    return aside if aside.exists() else None


def _put_settings(source: Path, target: Path, aside: Path, *, replace: bool, say: Say) -> None:
    """Settings of a workspace that has its own stay, unless all of it is replaced."""
    if not source.exists() or _same(source, target):
        return
    if target.exists():
        if not replace:
            if target.suffix == ".yaml":
                say(f"The settings in {target} stay; the backup has others.")
            return
        aside.mkdir(mode=0o700, exist_ok=True)
        _keep(target, aside / target.name)
    os.replace(source, target)


def _keep(target: TablePath, kept: Path) -> None:
    if isinstance(target, Path):
        shutil.copy2(target, kept)
    else:
        kept.write_bytes(target.read_bytes())
