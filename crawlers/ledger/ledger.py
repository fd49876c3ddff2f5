"""The crawl's memory: a SQLite file that survives being killed at any moment.

Every observation is committed by itself, and its row says ``ok`` only after its bytes lie on disk
under their final name.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Collection, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from crawlers.ledger import sql
from crawlers.observation import Key
from pipeline.engine.database import Database, transaction
from pipeline.engine.secret_names import HIDDEN

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
    c2pa: bool | None = None


@dataclass(frozen=True)
class FetchFailure:
    """Why an observation has no bytes; ``retry_at`` is a POSIX time, ``policy`` our settings.

    ``facts`` is what the host said all the same, such as its preferences.
    """

    state: State
    error_class: str
    error: str
    attempts: int = 0
    retry_at: float | None = None
    policy: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What the ledger says of an observation: its bytes when ok, else the last failure if any.

    ``listing_pass`` is the pass of its query that listed it first, ``checked_at`` the POSIX time
    at which its host last said that these are the bytes.
    """

    state: State
    blob: Blob | None
    failure: FetchFailure | None
    facts: Mapping[str, Any]
    listing_pass: int = 0
    checked_at: float | None = None


class CrawlLedger:
    """An open ledger; make one with open_ledger().

    ``secrets`` are keys of the source that is crawled: whatever text holds one is written without.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        self.secrets: tuple[str, ...] = ()

    def note(
        self,
        key: Key,
        listing: int,
        columns: Mapping[str, Any],
        redistribute: bool,
        earlier: Collection[int] = (),
        listing_pass: int = 0,
    ) -> Known | None:
        """Note that the source lists this observation now, and return what was known before.

        The upper half of ``listing`` is the source's position in the configuration. Where a source
        of the same name at a position in ``earlier`` forbade redistribution, that stays.
        """
        row = vars(key) | {
            "listing": listing,
            "columns": self._json(columns),
            "redistribute": int(redistribute),
            "pass": listing_pass,
        }
        with ledger_errors(self.path):
            known = self._one(sql.FIND, row)
            if known is None:
                self.connection.execute(sql.INSERT, row)
                return None
            banned = not known["redistribute"] and known["state"] != "pending"
            if banned and known["listing"] >> POSITION_BITS in earlier:
                row |= {"listing": known["listing"], "redistribute": 0}
            if any(known[name] != row[name] for name in ("listing", "columns", "redistribute")):
                self.connection.execute(sql.RELIST, row)
            return self._known(known)

    def find(self, key: Key) -> Known | None:
        """What is known of the observation, without noting that it is listed."""
        with ledger_errors(self.path):
            row = self._one(sql.FIND, vars(key))
            return self._known(row) if row else None

    def find_item(self, key: Key) -> Known | None:
        """The same item's bytes, fetched under another query."""
        with ledger_errors(self.path):
            row = self._one(sql.SAME_ITEM, vars(key))
            return self._known(row) if row else None

    def find_failed_item(self, key: Key, policy: str) -> Known | None:
        """The same item under another query, where its host was asked and it can't be had.

        It may be gone, refused or useless under the same ``policy``, or not due again yet.
        """
        with ledger_errors(self.path):
            values = vars(key) | {"policy": policy, "now": time.time()}
            row = self._one(sql.SAME_ITEM_FAILED, values)
            return self._known(row) if row else None

    def record_blob(self, key: Key, blob: Blob, facts: Mapping[str, Any]) -> bool:
        """Note that the observation's bytes lie on disk; whether they were unknown before."""
        row = vars(key) | vars(blob) | {"facts": self._json(facts), "checked_at": time.time()}
        with ledger_errors(self.path), transaction(self.connection):
            new = self._one(sql.KNOWN_BLOB, row) is None
            self.connection.execute(sql.INSERT_BLOB, row)
            self.connection.execute(sql.RECORD_BLOB, row)
        return new

    def record_failure(self, key: Key, failure: FetchFailure) -> None:
        """Note why the observation has no bytes."""
        with ledger_errors(self.path):
            error = self.without_secrets(failure.error)
            row = vars(failure) | {"facts": self._json(failure.facts), "error": error}
            self.connection.execute(sql.RECORD_FAILURE, vars(key) | row)

    def forget(self, key: Key, url: str | None = None) -> None:
        """Keep nothing of an observation that was taken down but a hash of its address."""
        with ledger_errors(self.path), transaction(self.connection):
            self.connection.execute(sql.FORGET, vars(key))
            if url:
                self.connection.execute(sql.TAKE_DOWN, (hash_address(url),))

    def is_taken_down(self, url: str | None) -> bool:
        """Whether the bytes that lay at this address were taken down."""
        if not url:
            return False
        with ledger_errors(self.path):
            return self._one(sql.TAKEN_DOWN, {"address": hash_address(url)}) is not None

    def record_check(self, key: Key) -> None:
        """Note that the host says now that the item's bytes are still the same."""
        with ledger_errors(self.path):
            self.connection.execute(sql.CHECKED, vars(key) | {"checked_at": time.time()})

    def without_secrets(self, text: str) -> str:
        """The text with none of the source's keys in it."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return text

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

    def unlisted(
        self, source: str, listed: Container[Key], in_files: bool = False
    ) -> Iterator[tuple[Key, str | None]]:
        """Observations of the source that are not among ``listed``, and where their bytes lay.

        One by one, in order; nothing may be written meanwhile. ``in_files``: those alone whose
        bytes lay in a file outside of the workspace, which is none of what was downloaded.
        """
        with ledger_errors(self.path):
            statement = sql.NOT_MISSING_FILES if in_files else sql.NOT_MISSING
            for row in self.connection.execute(statement, (source,)):
                key = Key(source, *row[:3])
                if key not in listed:
                    yield key, row["path"]

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
        blob = failure = None
        if row["state"] == "ok":
            found = self._one("SELECT * FROM blobs WHERE sha256 = :sha256", dict(row))
            blob = _blob(found) if found else None
        elif row["error_class"] is not None:
            names = ("state", "error_class", "error", "attempts", "retry_at", "policy")
            failure = FetchFailure(**{name: row[name] for name in names}, facts=facts)
        return Known(row["state"], blob, failure, facts, row["pass"], row["checked_at"])

    def _json(self, value: Mapping[str, Any]) -> str:
        return self.without_secrets(json.dumps(value, ensure_ascii=False, sort_keys=True))

    def _one(self, statement: str, values: Mapping[str, Any]) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(statement, values).fetchone()
        return row


@contextmanager
def open_ledger(path: Path) -> Iterator[CrawlLedger]:
    """Open or make the ledger at ``path``; StickerworksError when it can't be used."""
    with _DATABASE.open(path) as connection:
        yield CrawlLedger(connection, path)


@contextmanager
def read_ledger(path: Path) -> Iterator[CrawlLedger]:
    """The ledger at ``path`` for reading alone, beside a crawl too; StickerworksError when it can't
    be read."""
    with _DATABASE.read(path) as connection:
        yield CrawlLedger(connection, path)


def hash_address(url: str) -> str:
    """Hash by which an address is known whose bytes were taken down."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()


def _blob(row: sqlite3.Row) -> Blob:
    c2pa = None if row["c2pa"] is None else bool(row["c2pa"])
    return Blob(row["sha256"], row["format"], row["nbytes"], row["path"], row["extension"], c2pa)
