"""The crawl's memory: a SQLite file that survives being killed at any moment.

Every observation is committed by itself, and its row says ``ok`` only after its bytes lie on disk
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

from crawlers.ledger import sql
from crawlers.observation import Key
from pipeline.engine.database import Database, transaction

LEDGER = Path("crawl") / "ledger.sqlite"
"""The ledger's place below the workspace."""

POSITION_BITS = 32
"""A listing is the source's position in the configuration, then the place in its listing."""

RESTORE = "restore it from a copy, or use a new --workspace."
"""The one remedy for a ledger that is lost: it alone knows where the tables' stickers belong."""

_DATABASE = Database("the crawl's ledger", sql.VERSION, sql.SCHEMA, "crawl", RESTORE, sql.UPGRADES)
ledger_errors = _DATABASE.errors

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
class FetchFailure:
    """Why an observation has no bytes; ``retry_at`` is a POSIX time, ``policy`` our settings."""

    state: State
    error_class: str
    error: str
    attempts: int = 0
    retry_at: float | None = None
    policy: str | None = None


@dataclass(frozen=True)
class Known:
    """What the ledger says of an observation: its bytes when ok, else the last failure if any."""

    state: State
    blob: Blob | None
    failure: FetchFailure | None
    facts: Mapping[str, Any]


class CrawlLedger:
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
        """Note that the source lists this observation now, and return what was known before.

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
        """Note that the observation's bytes lie on disk."""
        row = asdict(key) | asdict(blob) | {"facts": json.dumps(facts, sort_keys=True)}
        with ledger_errors(self.path), transaction(self.connection):
            self.connection.execute(sql.INSERT_BLOB, row)
            self.connection.execute(sql.RECORD_BLOB, row)

    def record_failure(self, key: Key, failure: FetchFailure) -> None:
        """Note why the observation has no bytes."""
        with ledger_errors(self.path):
            self.connection.execute(sql.RECORD_FAILURE, asdict(key) | asdict(failure))

    def repoint(self, sha256: str, path: str) -> None:
        """Note that bytes lie elsewhere now; for files that moved."""
        with ledger_errors(self.path):
            self.connection.execute(
                "UPDATE blobs SET path = ? WHERE sha256 = ? AND path <> ?", (path, sha256, path)
            )

    def set_redistribute(self, source: str, value: bool, position: int | None = None) -> None:
        """Apply a changed setting to observations that the source no longer lists, too.

        ``position`` limits it to what the source at that place of the configuration listed.
        """
        row = {"source": source, "value": int(value), "position": position, "bits": POSITION_BITS}
        with ledger_errors(self.path):
            self.connection.execute(sql.SET_REDISTRIBUTE, row)

    def unlisted(self, source: str, listed: Container[Key]) -> list[tuple[Key, str | None]]:
        """Observations of the source that are not among ``listed``, and where their bytes lay."""
        with ledger_errors(self.path):
            rows = self.connection.execute(sql.NOT_MISSING, (source,)).fetchall()
        found = ((Key(source, *row[:3]), row["path"]) for row in rows)
        return [(key, path) for key, path in found if key not in listed]

    def blob(self, sha256: str) -> Blob | None:
        """Stored facts of these bytes."""
        with ledger_errors(self.path):
            row = self._one("SELECT * FROM blobs WHERE sha256 = :sha256", {"sha256": sha256})
            return _blob(row) if row else None

    def pack(self, sha256: str) -> str | None:
        """The pack that these bytes lie in, if any."""
        with ledger_errors(self.path):
            row = self._one("SELECT pack FROM packed WHERE sha256 = :sha256", {"sha256": sha256})
            return row["pack"] if row else None

    def failures(self, source: str) -> dict[str, int]:
        """Number of the source's observations without bytes, by error class."""
        with ledger_errors(self.path):
            return dict(self.connection.execute(sql.FAILURES, (source,)).fetchall())

    def _known(self, row: sqlite3.Row) -> Known:
        facts = json.loads(row["facts"])
        if row["state"] == "ok":
            found = self._one("SELECT * FROM blobs WHERE sha256 = :sha256", dict(row))
            return Known("ok", _blob(found) if found else None, None, facts)
        failure = None
        if row["error_class"] is not None:
            names = ("state", "error_class", "error", "attempts", "retry_at", "policy")
            failure = FetchFailure(*(row[name] for name in names))
        return Known(row["state"], None, failure, facts)

    def _one(self, statement: str, values: Mapping[str, Any]) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(statement, values).fetchone()
        return row


@contextmanager
def open_ledger(path: Path) -> Iterator[CrawlLedger]:
    """Open or make the ledger at ``path``; StickerworksError when it can't be used."""
    with _DATABASE.open(path) as connection:
        yield CrawlLedger(connection, path)


def _blob(row: sqlite3.Row) -> Blob:
    return Blob(row["sha256"], row["format"], row["nbytes"], row["path"], row["extension"])
