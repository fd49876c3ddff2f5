"""Where a workspace keeps its server: data, files to show, and the secrets of its people."""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError, disk_errors
from schemas.labelling import LabelConfig


@dataclass(frozen=True)
class ServerPaths:
    """The folder of a workspace that holds all of its server."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def files(self) -> Path:
        """The only files that the server shows."""
        return self.root / "files"

    @property
    def unfinished(self) -> Path:
        """Lies in the data until the server has answered once."""
        return self.data / ".unfinished"

    @property
    def accounts(self) -> Path:
        return self.root / "accounts.json"

    @property
    def state(self) -> Path:
        return self.root / "server.json"

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    @property
    def gateway_settings(self) -> Path:
        """What the gateway is told."""
        return self.root / "gateway-settings.json"

    @property
    def gateway_state(self) -> Path:
        return self.root / "gateway.json"

    @property
    def logouts(self) -> Path:
        """Hashes of logins that ended."""
        return self.root / "gateway-logouts.json"

    @property
    def gateway_log(self) -> Path:
        return self.root / "gateway.log"


def read_accounts(place: ServerPaths) -> dict[str, Any]:
    """The secrets: ``token`` of the lead, ``passwords`` by e-mail, and ``pending`` ones, which
    Label Studio may or may not have heard of."""
    try:
        held = json.loads(place.accounts.read_text(encoding="utf-8"))
        return {"token": str(held["token"]), "passwords": dict(held["passwords"]),
                "pending": dict(held.get("pending", {}))}  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StickerworksError(
            f"{place.accounts} can't be read ({type(error).__name__}).", "Restore it from a copy."
        ) from None  # the cause may quote what is in it


def write_accounts(place: ServerPaths, held: Mapping[str, Any]) -> None:
    """Keep the secrets in a file that only its owner can read."""
    with atomic_file(place.accounts) as temporary:
        temporary.touch(mode=0o600)
        kept = {name: value for name, value in held.items() if value or name != "pending"}
        temporary.write_text(json.dumps(kept, indent=1), encoding="utf-8")


def lead_account(place: ServerPaths, config: LabelConfig) -> dict[str, Any]:
    """The secrets, made before the server first starts: a kill in between loses none."""
    if not place.accounts.exists():
        password = {account_name(config.lead): secrets.token_urlsafe(12)}
        write_accounts(place, {"token": secrets.token_hex(20), "passwords": password})
    return read_accounts(place)


def account_name(email: str) -> str:
    """An e-mail address as the server keeps it.

    >>> account_name(" Lead@Example.org")
    'lead@example.org'
    """
    return email.strip().casefold()


def prepare(place: ServerPaths) -> bool:
    """Whether the server will make its database: it has none, or one that never got ready.

    Migrations that were cut short can't always be continued, so such a database is made anew.
    """
    with disk_errors(place.root):
        place.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.files.mkdir(exist_ok=True)
        place.data.mkdir(mode=0o700, exist_ok=True)
        if place.unfinished.exists() and not _has_projects(place.data / "label_studio.sqlite3"):
            shutil.rmtree(place.data)
            place.data.mkdir(mode=0o700)
        first = not any(place.data.iterdir())
        if first:
            place.unfinished.touch()
    return first


def _has_projects(database: Path) -> bool:
    if not database.exists():
        return False
    connection = sqlite3.connect(database)
    try:
        return bool(connection.execute("SELECT count(*) FROM project").fetchone()[0])
    except sqlite3.DatabaseError:  # no such table, or no database yet
        return False
    finally:
        connection.close()
