"""Remembers what each release was made from, outside of the release."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipeline.engine.atomic_files import atomic_file, writer_of
from pipeline.engine.errors import StickerworksError
from pipeline.engine.folders import has_ended


@dataclass(frozen=True)
class Record:
    """Fingerprint of a release, the digests behind it by name, its rows by split, the requests by
    which stickers were taken down since, and its number in ``released`` (0: not known)."""

    fingerprint: str
    made_from: dict[str, str]
    rows: dict[str, int]
    takedowns: list[int] = field(default_factory=list)
    number: int = 0


def temporary_folder(target: Path) -> Path:
    """Where this process builds ``target``; hidden until it is renamed."""
    return target.with_name(f".{target.name}.{os.getpid()}.tmp")


def save_record(target: Path, record: Record) -> None:
    """Remember ``record`` for the release at ``target``."""
    with atomic_file(record_path(target)) as temporary:
        temporary.write_text(json.dumps(asdict(record), indent=1, sort_keys=True), "utf-8")


def load_record(target: Path) -> Record:
    """Record of an existing release; StickerworksError when it isn't known."""
    try:
        return Record(**json.loads(record_path(target).read_text("utf-8")))
    except (FileNotFoundError, TypeError, ValueError) as error:
        raise StickerworksError(
            f"{target} exists, but nothing says which tables it was made from.",
            "Move that folder away, or raise release.version (or `--set release.version=X`).",
        ) from error


def changed_inputs(old: Record, new: dict[str, str]) -> str:
    """Names of what differs from ``old``, for people: tables once, whatever their shards."""
    keys = sorted(old.made_from.keys() | new.keys())
    names = [
        key.partition("/")[0].removeprefix("table ")
        for key in keys
        if old.made_from.get(key) != new.get(key)
    ]
    return ", ".join(dict.fromkeys(names))


def remove_dead_builds(releases: Path) -> list[str]:
    """Remove temporary folders whose process is gone; return their names."""
    removed = []
    for folder in sorted(releases.glob(".*.tmp")):
        writer = writer_of(folder.name)
        if writer is not None and folder.is_dir() and has_ended(writer):
            shutil.rmtree(folder)
            removed.append(folder.name)
    return removed


def record_path(target: Path) -> Path:
    """Where the record of the release at ``target`` lies."""
    return target.parent / ".fingerprints" / f"{target.name}.json"
