"""Addresses of workspaces on object stores, and the store at one."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from schemas.config import StorageConfig

SCHEMES = ("s3", "gs", "az")
_ADDRESS = re.compile(
    r"(?P<scheme>[a-z0-9]+)://(?P<bucket>[a-z0-9][a-z0-9._-]{1,62})(?:/(?P<prefix>.*))?"
)
_PREFIX = re.compile(r"[A-Za-z0-9!_.'()/ -]*")


@dataclass(frozen=True)
class Location:
    """A bucket and the folder in it that is the workspace."""

    scheme: str
    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def is_address(text: str) -> bool:
    """Whether a workspace is named by an address, and not by a path."""
    return "://" in text


def parse_location(text: str) -> Location:
    """The bucket and folder that an address names; StickerworksError where it is none of ours."""
    if "@" in text:
        # Shown to nobody: what stands before it may be a password.
        raise StickerworksError(
            "The workspace's address holds an @: credentials don't belong there.",
            "Name the bucket alone; credentials come from the environment or ~/.aws.",
        )
    found = _ADDRESS.fullmatch(text)
    prefix = ((found and found["prefix"]) or "").strip("/")
    if (
        found is None
        or found["scheme"] not in SCHEMES
        or not _PREFIX.fullmatch(prefix)
        or any(name in ("", ".", "..") for name in prefix.split("/") if prefix)
    ):
        raise StickerworksError(
            f"The workspace {text[:200]!r} is no address of a folder in a bucket.",
            "Write it as s3://bucket/folder (also gs:// and az://).",
        )
    return Location(found["scheme"], found["bucket"], prefix)


def working_folder(location: Location, settings: StorageConfig) -> Path:
    """The local folder for what a command works on: ledgers, scratch, releases being built."""
    if settings.folder:
        return Path(settings.folder).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    # The same address at two endpoints is two workspaces.
    name = hashlib.sha256(f"{location} {settings.endpoint}".encode()).hexdigest()[:16]
    return Path(cache).expanduser() / "stickerworks" / "workspaces" / name
