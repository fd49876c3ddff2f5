"""What a command works on locally and others must find: ledgers, settings, logs, releases.

It is fetched when a command begins and saved when others come to rely on it, object by object: an
object that somebody else changed meanwhile is never overwritten.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.folders import whole_folder
from pipeline.engine.store.contract import ChangedError, Entry
from pipeline.engine.store.objects import ObjectStore

_SAVED = "saved"
_RELEASES = "releases"
_RECORDS = "releases/.fingerprints"
_INDEX = ".saved.json"
# A crawl's ledger is mostly text: a fifth of it, or less, is sent.
_DATABASE, _PACKED, _CODEC = ".sqlite", ".zst", "zstd"
_CHUNK_BYTES = 1 << 20
# Ledgers lie in the folder of what keeps them; a served tool's own database is no ledger.
_KEPT = ("*.yaml", ".settings.json", "*.sqlite", "*/*.sqlite", "logs/*", "reports/**/*",
         "models/**/*", "releases/**/*")  # fmt: skip


class SavedFiles:
    """The files of one working folder and their objects in its store.

    ``_index`` says of each what was last seen of both: the object's tag, the file's size and time,
    and which file a database is.
    """

    def __init__(self, root: Path, store: ObjectStore) -> None:
        self._root = root
        self._store = store
        self._index: dict[str, list[str]] = _load(root / _INDEX)

    def fetch(self) -> list[Path]:
        """Take over what others saved since; files of ours that differ are put aside.

        Returns where those lie now. Of releases, only the records of what they were made from.
        """
        self._store.forget(_SAVED)
        self._store.forget(_RELEASES)
        entries = dict(self._store.list(_SAVED))
        records = self._store.list(_RELEASES)
        entries |= {name: entry for name, entry in records.items() if _is_record(name)}
        return self._take(entries)

    def has_release(self, name: str) -> bool:
        """Whether a release was saved as a whole."""
        saved = self._store.list(_RELEASES)
        # A record may lie there alone, of a release that was never finished.
        return f"{_RECORDS}/{name}.json" in saved and any(
            other.startswith(f"{_RELEASES}/{name}/") for other in saved
        )

    def fetch_release(self, name: str) -> None:
        """Bring a release here that was saved as a whole, where it isn't yet."""
        folder = f"{_RELEASES}/{name}"
        if not (self._root / folder).exists() and self.has_release(name):
            entries = self._store.list(f"{_RELEASES}/{name}")
            with whole_folder(self._root / folder, "Choose another storage.folder.") as partial:
                for entry in entries.values():
                    target = partial / entry.name.removeprefix(f"{folder}/")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    self._store.download(entry, target)
            for entry in entries.values():
                self._see(entry.name, entry.tag)

    def save(self, names: Sequence[str] | None = None) -> None:
        """Save what changed here since, or the named files alone; records of releases last.

        Raises StickerworksError where somebody else saved the same meanwhile, and where a file was
        lost while this command ran.
        """
        found = [self._root / name for name in names] if names is not None else self._files()
        if names is None:
            self._delete_partial_releases()
        for path in found:
            signature = _signature(path)
            name = self._name(path)
            known = self._index.get(name)
            if signature is None and names is None:
                continue  # a log that was rotated in this moment
            if signature is None or (known is not None and known[2] != _identity(path)):
                raise StickerworksError(
                    f"{path} was lost while this command ran, or replaced.",
                    f"{self._store.where(name)} is as it was; run the same command again.",
                )
            if known is not None and known[1] == signature:
                continue
            expected = Entry(name, 0, known[0], 0) if known else None
            try:
                with _sendable(path) as file:
                    entry = self._store.upload(name, file, expected)
            except ChangedError:
                raise StickerworksError(
                    f"{self._store.where(name)} was saved by somebody else meanwhile.",
                    f"What this command did to {path} is not saved; run it again.",
                ) from None
            self._index[name] = [entry.tag, signature, _identity(path)]
            self._write_index()

    def renew(self, path: Path) -> None:
        """Take a database that was put in the place of another on purpose for the same file."""
        name = self._name(path)
        known = self._index.get(name)
        if known is not None:
            self._index[name] = [known[0], known[1], _identity(path)]
            self._write_index()

    def _delete_partial_releases(self) -> None:
        """Remove what another machine saved of releases that are here whole, until it died."""
        saved = self._store.list(_RELEASES)
        for folder in (self._root / _RELEASES).glob("[!.]*"):
            if f"{_RECORDS}/{folder.name}.json" not in saved:
                names = [name for name in saved if name.startswith(f"{_RELEASES}/{folder.name}/")]
                self._store.delete(name for name in names if name not in self._index)

    def _take(self, entries: dict[str, Entry]) -> list[Path]:
        aside = []
        for name, entry in entries.items():
            path, known = self._path(name), self._index.get(name)
            signature = _signature(path)
            if signature is not None and known is not None and known[0] == entry.tag:
                if known[2] == _identity(path):
                    continue  # what changed in it is still ours to save
                if known[1] == signature:  # in a copy of the folder
                    self._see(name, entry.tag)
                    continue
            changed = signature is not None and (known is None or known[1] != signature)
            with disk_errors(path), _own_folder(self._root) as folder:
                fetched = folder / path.name
                tag = self._store.download(entry, fetched).tag
                if changed and not _holds(path, fetched):
                    aside.append(self._put_aside(path))
                _put(path, fetched)
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._see(name, tag)
        return aside

    def _put_aside(self, path: Path) -> Path:
        """Keep what was here and is about to be replaced by something else."""
        when = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{os.getpid()}"
        aside = self._root / "replaced" / when / path.relative_to(self._root)
        with disk_errors(aside):
            aside.parent.mkdir(parents=True, exist_ok=True)
            for suffix in ("", "-wal"):
                if path.with_name(path.name + suffix).exists():
                    os.replace(path.with_name(path.name + suffix), f"{aside}{suffix}")
        return aside

    def _see(self, name: str, tag: str) -> None:
        path = self._path(name)
        self._index[name] = [tag, _signature(path) or "", _identity(path)]
        self._write_index()

    def _files(self) -> list[Path]:
        found = {path for pattern in _KEPT for path in self._root.glob(pattern)}
        kept = [path for path in found if path.is_file() and not self._is_temporary(path)]
        # A record is written before its release can be seen, and one that was killed never is.
        kept = [path for path in kept if not self._is_early(path)]
        return sorted(kept, key=lambda path: (_is_record(self._name(path)), path))

    def _is_early(self, path: Path) -> bool:
        is_record = _is_record(self._name(path))
        return is_record and not (self._root / _RELEASES / path.stem).is_dir()

    def _is_temporary(self, path: Path) -> bool:
        inner = path.relative_to(self._root).parts
        return inner[0] in ("replaced", "scratch", "cache") or any(
            part.startswith(".") and part.endswith(".tmp") for part in inner
        )

    def _name(self, path: Path) -> str:
        name = path.relative_to(self._root).as_posix()
        if name.startswith(f"{_RELEASES}/"):
            return name
        return f"{_SAVED}/{name}{_PACKED if path.suffix == _DATABASE else ''}"

    def _path(self, name: str) -> Path:
        inner = name.removeprefix(f"{_SAVED}/").removesuffix(_PACKED)
        if ".." in inner.split("/"):
            raise StickerworksError(
                f"{self._store.where(name)} has a name that leads elsewhere.", "Delete it."
            )
        return self._root / inner

    def _write_index(self) -> None:
        with disk_errors(self._root), atomic_file(self._root / _INDEX) as temporary:
            temporary.write_text(json.dumps(self._index, indent=0, sort_keys=True), "utf-8")


def _is_record(name: str) -> bool:
    return name.startswith(f"{_RECORDS}/")


def _load(path: Path) -> dict[str, list[str]]:
    try:
        found = json.loads(path.read_text("utf-8"))
        return {
            str(name): [str(tag), str(seen), str(file)] for name, (tag, seen, file) in found.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # everything is compared anew


def _signature(path: Path) -> str | None:
    """Size and time of a file and of what SQLite has yet to write into it; None without one."""
    stats = []
    for place in _with_log(path):
        try:
            found = place.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        stats.append(f"{found.st_size} {found.st_mtime_ns}")
    return " ".join(stats) or None


def _identity(path: Path) -> str:
    """Which file a database is: it is changed in place, so that another one was begun anew."""
    return str(path.stat().st_ino) if path.suffix == _DATABASE and path.exists() else ""


def _with_log(path: Path) -> Iterator[Path]:
    yield path
    if path.suffix == _DATABASE:
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            yield log


@contextmanager
def _sendable(path: Path) -> Iterator[Path]:
    """The file; of a database, a copy that is whole, compressed."""
    if path.suffix != _DATABASE:
        yield path
        return
    with _own_folder(path.parent) as folder:
        copy, packed = folder / path.name, folder / f"{path.name}{_PACKED}"
        with (
            closing(sqlite3.connect(path, timeout=30)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        with copy.open("rb") as file, pa.CompressedOutputStream(str(packed), _CODEC) as sink:
            while chunk := file.read(_CHUNK_BYTES):
                sink.write(chunk)
        yield packed


def _holds(path: Path, fetched: Path) -> bool:
    """Whether a file has the content of a fetched one."""
    with _sendable(path) as ours:
        return filecmp.cmp(ours, fetched, shallow=False)


def _put(path: Path, fetched: Path) -> None:
    with atomic_file(path) as temporary:
        temporary.touch(mode=0o600)
        if path.suffix != _DATABASE:
            shutil.copyfile(fetched, temporary)
            return
        with (
            pa.CompressedInputStream(str(fetched), _CODEC) as packed,
            temporary.open("wb") as file,
        ):
            while chunk := packed.read(_CHUNK_BYTES):
                file.write(chunk)


@contextmanager
def _own_folder(beside: Path) -> Iterator[Path]:
    """A folder that is gone in the end, or is swept when this process was killed."""
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=beside, prefix=".saved.", suffix=f".{os.getpid()}.tmp"
    ) as folder:
        yield Path(folder)
