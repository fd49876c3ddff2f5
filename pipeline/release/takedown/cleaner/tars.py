"""Tar shards of WebDataset without the members of stickers that were taken down."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.release.takedown.cleaner.named import CleaningError, TakenDown, ids_in, replacing
from pipeline.release.takedown.cleaner.shards import REFERENCES, named_after

_MOST_MEMBER = 1 << 28


def tar_ids(path: Path, gone: TakenDown) -> tuple[set[str], bool]:
    """Stickers of a tar file that go, and whether anything in it changes.

    CleaningError where it isn't one that WebDataset is written as.
    """
    ids: set[str] = set()
    changes = False
    for member, data in _members(path):
        if _goes(member.name, data, gone):
            ids.update(id_ for id_ in ids_in(member.name) if id_ in gone.ids)
            changes = True
        else:
            changes = changes or _renamed_json(member.name, data, gone) != data
    return ids, changes


def tar_new_names(paths: Iterable[Path], gone: TakenDown) -> list[tuple[str, str, str]]:
    """As ``shards.new_names``, of tar files."""
    left: dict[tuple[str, str], set[str]] = {}
    for path in paths:
        for member, data in _members(path):
            if not member.name.endswith(".json") or _goes(member.name, data, gone):
                continue
            row = _json_row(data)
            for name in ("template_id", "duplicate_group"):
                if row.get(name) in gone.ids:
                    left.setdefault((name, row[name]), set()).add(str(row.get("id")))
    return named_after(left)


def rewrite_tar(path: Path, gone: TakenDown) -> None:
    """Write a tar file anew without what was taken down, in the old order."""
    with (
        replacing(path) as temporary,
        tarfile.open(temporary, "w:", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for member, data in _members(path):
            if _goes(member.name, data, gone):
                continue
            left = _renamed_json(member.name, data, gone)
            member.size = len(left)
            tar.addfile(member, io.BytesIO(left))


def _members(path: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                plain = member.isreg() and not member.issparse() and member.size <= _MOST_MEMBER
                opened = tar.extractfile(member) if plain else None
                if opened is None:
                    raise CleaningError(f"{path} holds {member.name!a}, which can't be cleaned.")
                yield member, opened.read()
    except tarfile.TarError as error:
        raise CleaningError(f"{path} can't be read as a tar file: {error}.") from error


def _goes(name: str, data: bytes, gone: TakenDown) -> bool:
    if gone.names_text(name):
        return True
    digest = hashlib.sha256(data).hexdigest()
    if digest in gone.ids or digest in gone.pictures:
        return True
    return name.endswith(".json") and _json_row(data).get("id") in gone.ids


def _renamed_json(name: str, data: bytes, gone: TakenDown) -> bytes:
    """A row's JSON in which no template or group bears the id of a sticker that is gone."""
    if not name.endswith(".json") or not gone.names_text(data.decode("utf-8", "replace")):
        return data
    row = _json_row(data)
    for key in REFERENCES:
        if row.get(key) in gone.ids:
            row[key] = gone.new_name(key, row[key])
    left = json.dumps(row, ensure_ascii=False, sort_keys=True)
    if gone.names_text(left):
        raise CleaningError(f"{name!a} of a tar file names a sticker that was taken down.")
    return left.encode()


def _json_row(data: bytes) -> dict[str, Any]:
    """A row, in which whatever is asked for is a text; none where it is something else."""
    try:
        row = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    asked = ("id", *REFERENCES)
    if not isinstance(row, dict) or not all(isinstance(row.get(k) or "", str) for k in asked):
        return {}
    return row
