"""The optional manifest of a folder: one JSON object a line, each about one file."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipeline.engine.errors import StickerworksError


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Strings = Annotated[list[str], BeforeValidator(_listed)]


class ManifestRow(BaseModel):
    """What a manifest may say of a file; other keys are kept in ``raw_json`` alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    path: str = Field(min_length=1, description="file, relative to the manifest")
    pack: str | None = None
    title: str | None = None
    keywords: Strings | None = Field(
        None, validation_alias=AliasChoices("keywords", "keyword", "query")
    )
    tags: Strings | None = None
    author: str | None = None
    origin: str | None = None
    licence: str | None = Field(None, validation_alias=AliasChoices("licence", "license"))
    licence_url: str | None = Field(
        None, validation_alias=AliasChoices("licence_url", "license_url")
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{64}$")] | None = None


@dataclass(frozen=True)
class Entry:
    """A row of the manifest, as checked and as it stands there."""

    row: ManifestRow
    raw: Mapping[str, Any]


def read_manifest(manifest: Path, folder: Path) -> dict[str, Entry]:
    """Entries by path relative to the folder (NFC: file systems differ in how they write names).

    Raises StickerworksError that names the line for anything unusable.
    """
    entries: dict[str, Entry] = {}
    try:
        lines = manifest.read_bytes().split(b"\n")
    except OSError as error:
        raise StickerworksError(
            f"Could not read the manifest {manifest}: {error.strerror}.",
            "Check crawl.sources[].options.manifest.",
        ) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        entry = _entry(line, f"{manifest}:{number}")
        path = _below(entry.row.path, manifest, folder, number)
        if path in entries:
            raise _broken(f"{manifest}:{number}", f"{entry.row.path!r} stands there twice")
        entries[path] = entry
    return entries


def same_name(path: str) -> str:
    """A path as it is compared: Unicode writes one name in several ways."""
    return unicodedata.normalize("NFC", path)


def origin_url(origin: str | None) -> str | None:
    """Address of an origin such as ``github.com/owner/project``; None when it is no address."""
    if origin is None:
        return None
    if re.match(r"https?://", origin):
        return origin
    return f"https://{origin}" if re.match(r"[\w-]+(\.[\w-]+)+(/|$)", origin) else None


def _entry(line: bytes, where: str) -> Entry:
    try:
        raw = json.loads(line)
        return Entry(ManifestRow.model_validate(raw), raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"])) or "the row"
        raise _broken(where, f"{name}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise _broken(where, f"no JSON object ({error})") from error


def _below(path: str, manifest: Path, folder: Path, number: int) -> str:
    try:
        joined = os.path.normpath(os.path.join(manifest.parent, path))
        relative = os.path.relpath(joined, folder)
    except ValueError as error:
        raise _broken(f"{manifest}:{number}", str(error)) from error
    if os.path.isabs(path) or relative.split(os.sep)[0] == os.pardir:
        raise _broken(f"{manifest}:{number}", f"{path!r} lies outside of {folder}")
    return same_name(relative)


def _broken(where: str, reason: str) -> StickerworksError:
    return StickerworksError(f"The manifest is wrong at {where}: {reason}.", "Mend that line.")
