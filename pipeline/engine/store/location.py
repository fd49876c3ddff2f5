"""Addresses of workspaces on object stores, and the store at one."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.paths import named_path
from pipeline.engine.store.credentials import s3_endpoint
from schemas.storage import StorageConfig

_MARK = ".bucket.json"
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
    """Whether a workspace is named by an address, or what was meant for one, and not by a path."""
    return "://" in text or text.startswith(tuple(f"{scheme}:" for scheme in SCHEMES))


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
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = settings.folder or f"{cache}/stickerworks/workspaces"
    return named_path(folder, "storage.folder").absolute() / _folder_name(location, settings)


def open_address(text: str, settings: StorageConfig) -> Path:
    """The working folder of the workspace at an address, made and marked where it isn't yet."""
    location = parse_location(text)
    if location.scheme == "s3" and not settings.endpoint:
        settings = settings.model_copy(update={"endpoint": s3_endpoint() or ""})
    folder = working_folder(location, settings)
    mark = {"address": str(location), "storage": settings.model_dump(mode="json")}
    content = json.dumps(mark, indent=1, sort_keys=True)
    path = folder / _MARK
    with disk_errors(path):
        if not path.is_file() or path.read_text("utf-8") != content:
            with atomic_file(path) as temporary:
                temporary.write_text(content, "utf-8")
    return folder


def address_of(root: Path) -> tuple[Location, StorageConfig] | None:
    """Where the tables of a working folder lie; None for a folder that is a workspace itself.

    A mark counts in the folder that its address has here: one that came along with somebody's
    folder leads nowhere.
    """
    try:
        mark = json.loads((root / _MARK).read_text("utf-8"))
        location = parse_location(mark["address"])
        settings = StorageConfig.model_validate(mark["storage"])
    except (OSError, ValueError, KeyError, TypeError, StickerworksError):
        return None
    return (location, settings) if root.name == _folder_name(location, settings) else None


def _folder_name(location: Location, settings: StorageConfig) -> str:
    # The same address at two endpoints is two workspaces.
    name = hashlib.sha256(f"{location} {settings.endpoint}".encode()).hexdigest()[:16]
    return f"{location.bucket}-{name}"
