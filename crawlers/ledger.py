"""The crawl's memory: a SQLite file that survives being killed at any moment.

Every sighting is committed by itself, and its row says ``ok`` only after its bytes lie on disk
under their final name.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from crawlers import ledger_sql as sql
from crawlers.sighting import Key
from pipeline.engine.errors import StickerworksError, disk_errors

LEDGER = Path("crawl") / "ledger.sqlite"
"""The ledger's place below the workspace."""

POSITION_BITS = 32
"""A listing is the source's position in the configuration, then the place in its listing."""

RESTORE = "restore it from a copy, or use a new --workspace."
"""The one remedy for a ledger that is lost: it alone knows where the tables' stickers belong."""

State = Literal["pending", "ok", "gone", "refused", "retry_at", "failed"]


@dataclass(frozen=True)
class Blob:
    """Bytes that were got: where they lie (as in the table ``media``) and what they are."""

    sha256: str
    format: str
    nbytes: int
    path: str
    extension: str | None


@dataclass(frozen=True)
class Miss:
    """Why a sighting has no bytes; ``retry_at`` is a POSIX time, ``policy`` our own settings."""

    state: State
    error_class: str
    error: str
    attempts: int = 0
    retry_at: float | None = None
    policy: str | None = None


@dataclass(frozen=True)
class Known:
    """What the ledger says of a sighting: its bytes when ok, else the last miss if any."""

    state: State
    blob: Blob | None
    miss: Miss | None
    facts: Mapping[str, Any]


class Ledger:
    """An open ledger; make one with open_ledger()."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path

    def note(
        self,
        key: Key,
        listing: int,
        columns: Mapping[str, Any],
        redistribute: bool,
        earlier: Collection[int] = (),
    ) -> Known | None:
        """Note that the source lists this sighting now, and return what was known before.

        The upper half of ``listing`` is the source's position in the configuration. Where a source
        of the same name at a position in ``earlier`` forbade redistribution, that stays.
        """
        row = asdict(key) | {
            "listing": listing,
            "columns": json.dumps(columns, ensure_ascii=False, sort_keys=True),
            "redistribute": int(redistribute),
        }
        with ledger_errors(self.path):
            known = self._one(sql.FIND, row)
            if known is None:
                self.connection.execute(sql.INSERT, row)
                return None
            if not known["redistribute"] and known["listing"] >> POSITION_BITS in earlier:
                row |= {"listing": known["listing"], "redistribute": 0}
            if any(known[name] != row[name] for name in ("listing", "columns", "redistribute")):
                self.connection.execute(sql.RELIST, row)
            return self._known(known)

    def find_item(self, key: Key) -> Known | None:
        """The same item's bytes, fetched under another query."""
        with ledger_errors(self.path):
            row = self._one(sql.SAME_ITEM, asdict(key))
            return self._known(row) if row else None

    def record_blob(self, key: Key, blob: Blob, facts: Mapping[str, Any]) -> None:
        """Note that the sighting's bytes lie on disk."""
        row = asdict(key) | asdict(blob) | {"facts": json.dumps(facts, sort_keys=True)}
        with ledger_errors(self.path), self._transaction():
            self.connection.execute(sql.INSERT_BLOB, row)
            self.connection.execute(sql.RECORD_BLOB, row)

    def record_miss(self, key: Key, miss: Miss) -> None:
        """Note why the sighting has no bytes."""
        with ledger_errors(self.path):
            self.connection.execute(sql.RECORD_MISS, asdict(key) | asdict(miss))

    def repoint(self, sha256: str, path: str) -> None:
        """Note that bytes lie elsewhere now; for files that moved."""
        with ledger_errors(self.path):
            self.connection.execute(
                "UPDATE blobs SET path = ? WHERE sha256 = ? AND path <> ?", (path, sha256, path)
            )

    def set_redistribute(self, source: str, value: bool, position: int | None = None) -> None:
        """Apply a changed setting to sightings that the source no longer lists, too.

        ``position`` limits it to what the source at that place of the configuration listed.
        """
        row = {"source": source, "value": int(value), "position": position, "bits": POSITION_BITS}
        with ledger_errors(self.path):
            self.connection.execute(sql.SET_REDISTRIBUTE, row)

    def unlisted(self, source: str, listed: Container[Key]) -> list[tuple[Key, str | None]]:
        """Sightings of the source that are not among ``listed``, and where their bytes lay."""
        with ledger_errors(self.path):
            rows = self.connection.execute(sql.NOT_MISSING, (source,)).fetchall()
        found = ((Key(source, *row[:3]), row["path"]) for row in rows)
        return [(key, path) for key, path in found if key not in listed]

    def blob(self, sha256: str) -> Blob | None:
        """Stored facts of these bytes."""
        with ledger_errors(self.path):
            row = self._one("SELECT * FROM blobs WHERE sha256 = :sha256", {"sha256": sha256})
            return _blob(row) if row else None

    def misses(self, source: str) -> dict[str, int]:
        """Number of the source's sightings without bytes, by error class."""
        with ledger_errors(self.path):
            return dict(self.connection.execute(sql.MISSES, (source,)).fetchall())

    def _known(self, row: sqlite3.Row) -> Known:
        facts = json.loads(row["facts"])
        if row["state"] == "ok":
            found = self._one("SELECT * FROM blobs WHERE sha256 = :sha256", dict(row))
            return Known("ok", _blob(found) if found else None, None, facts)
        miss = None
        if row["error_class"] is not None:
            names = ("state", "error_class", "error", "attempts", "retry_at", "policy")
            miss = Miss(*(row[name] for name in names))
        return Known(row["state"], None, miss, facts)

    def _one(self, statement: str, values: Mapping[str, Any]) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(statement, values).fetchone()
        return row

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.execute("COMMIT")


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """Open or make the ledger at ``path``; StickerworksError when it can't be used."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with ledger_errors(path):
        connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        with ledger_errors(path):
            _prepare(connection, path)
        yield Ledger(connection, path)
    finally:
        connection.close()


@contextmanager
def ledger_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says into one clear line."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF == sqlite3.SQLITE_FULL:
            raise StickerworksError(
                f"The disk is full: could not write {path}.",
                "Nothing finished is lost; free some space and run the same command again.",
            ) from error
        raise StickerworksError(
            f"Could not use the crawl's ledger {path}: {error}.",
            f"If another crawl runs, wait for it. If the file is damaged: {RESTORE}",
        ) from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    # A kill loses nothing; a power cut may lose the last commits, whose files are fetched again.
    connection.execute("PRAGMA synchronous = NORMAL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, sql.VERSION):
        raise StickerworksError(
            f"The crawl's ledger {path} is of version {version}; this program knows {sql.VERSION}.",
            "Use the version of stickerworks that made it, or a new --workspace.",
        )
    connection.executescript(f"BEGIN; {sql.SCHEMA} PRAGMA user_version = {sql.VERSION}; COMMIT;")


def _blob(row: sqlite3.Row) -> Blob:
    return Blob(row["sha256"], row["format"], row["nbytes"], row["path"], row["extension"])
