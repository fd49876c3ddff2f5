"""SQLite files that survive being killed at any moment, and errors about them for people."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.engine.errors import StickerworksError, disk_errors, full_disk


@dataclass(frozen=True)
class Database:
    """What a file is called, the statements that make its tables, and how a lost one is replaced.

    ``version`` is raised when the tables change; ``upgrades`` holds, by the version that a file
    has, the statements that make it the next one. A file of any other version is refused.
    One that is ``private`` is its owner's alone, with its folder.
    """

    name: str
    version: int
    schema: str
    user: str
    restore: str
    upgrades: Mapping[int, str] = field(default_factory=dict)
    private: bool = False

    @contextmanager
    def open(self, path: Path) -> Iterator[sqlite3.Connection]:
        """A connection in autocommit mode; StickerworksError when the file can't be used."""
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if self.private:
                _keep_private(path)
        with self.errors(path):
            connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        try:
            with self.errors(path):
                self._prepare(connection, path)
            yield connection
        finally:
            connection.close()

    @contextmanager
    def read(self, path: Path) -> Iterator[sqlite3.Connection]:
        """A connection that changes nothing of the file, while others may write to it.

        Of one that isn't there, or of an older version, an upgraded copy is read, which goes with
        the connection. StickerworksError when the file can't be read.
        """
        with self.errors(path):
            connection = _read_only(path) if path.exists() else sqlite3.connect("")
        try:
            with self.errors(path):
                connection.row_factory = sqlite3.Row
                connection.isolation_level = None
                if _version(connection) != self.version:
                    connection = self._upgraded_copy(connection, path)
            yield connection
        finally:
            connection.close()

    def _upgraded_copy(self, connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
        copy = sqlite3.connect("", isolation_level=None)  # a temporary file of SQLite's own
        try:
            copy.row_factory = sqlite3.Row
            connection.backup(copy)
            self._make_tables(copy, path)
        except BaseException:
            copy.close()
            raise
        connection.close()
        return copy

    @contextmanager
    def errors(self, path: Path) -> Iterator[None]:
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
                f"Could not use {self.name} {path}: {error}.",
                f"If another {self.user} runs, wait for it. If the file is damaged: {self.restore}",
            ) from error

    def _prepare(self, connection: sqlite3.Connection, path: Path) -> None:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        # A kill loses nothing; a power cut may lose the last commits, which are made again.
        connection.execute("PRAGMA synchronous = NORMAL")
        self._make_tables(connection, path)

    def _make_tables(self, connection: sqlite3.Connection, path: Path) -> None:
        with transaction(connection):  # another process may be about to do the same
            version = _version(connection)
            for before in range(version or self.version, self.version):
                if before in self.upgrades:
                    version = before + 1
                    _execute_all(connection, self.upgrades[before])
            if version not in (0, self.version):
                raise StickerworksError(
                    f"{self.name[:1].upper()}{self.name[1:]} {path} is of version {version}; "
                    f"this program knows {self.version}.",
                    "Use the version of stickerworks that made it, or a new --workspace.",
                )
            _execute_all(connection, self.schema)
            connection.execute(f"PRAGMA user_version = {self.version}")


def _execute_all(connection: sqlite3.Connection, script: str) -> None:
    """Every statement, in the transaction that is open; sqlite3's own executescript ends it."""
    statement = ""
    for piece in script.split(";"):
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            if statement.strip() != ";":
                connection.execute(statement)
            statement = ""


def _keep_private(path: Path) -> None:
    """Take away what others may do; SQLite gives the files beside it the same mode."""
    if not path.exists() and os.access(path.parent, os.W_OK):
        path.touch(mode=0o600)
    for held, mode in ((path.parent, 0o700), *((one, 0o600) for one in _with_journals(path))):
        found = held.stat() if held.exists() else None
        if found is not None and found.st_mode & 0o077 and found.st_uid == os.getuid():
            held.chmod(mode)


def _with_journals(path: Path) -> list[Path]:
    return [path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm"))]


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _read_only(path: Path) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(address, timeout=30, uri=True)
    try:
        _version(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        journal = path.with_name(f"{path.name}-wal")
        refused = getattr(error, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
        )
        if not refused or (journal.exists() and journal.stat().st_size):
            raise
        # On a read-only disk nothing can lie beside it: the file is all, and nobody writes to it.
        return sqlite3.connect(f"{address}&immutable=1", timeout=30, uri=True)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All statements of the block or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, while others write to it, into a new single file.

    Raises StickerworksError for a damaged one, and for a full disk.
    """
    try:
        with (
            # Not read-only: what a killed writer left is rolled back first.
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", 30, uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            new.execute("PRAGMA synchronous = OFF")
            old.backup(new)  # all pages at once, so that no writer makes it begin again
            new.execute("PRAGMA journal_mode = DELETE")
            check_database(new, source)
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF == sqlite3.SQLITE_FULL:
            raise full_disk(target) from error
        raise StickerworksError(
            f"Could not copy the database {source}: {error}.", "Restore it from an older backup."
        ) from error


def check_database(connection: sqlite3.Connection, shown: Path) -> None:
    """StickerworksError unless the pages of a database make sense."""
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        first = " ".join(str(said).split())[:120]
        raise StickerworksError(
            f"The database {shown} is damaged: {first}.", "Restore it from an older backup."
        )


def compact(connection: sqlite3.Connection) -> None:
    """Leave nothing of what was deleted in the file: neither in free pages nor in its journal."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def choose(connection: sqlite3.Connection, values: Iterable[str]) -> None:
    """Put values into the temporary table ``chosen``, of one column, for statements to join."""
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (value TEXT PRIMARY KEY)")
    connection.execute("DELETE FROM temp.chosen")
    rows = ((value,) for value in values)
    connection.executemany("INSERT OR IGNORE INTO temp.chosen VALUES (?)", rows)
