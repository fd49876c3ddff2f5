"""The optional manifest of a folder: one JSON object a line, each about one file."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from crawlers.local.walk import Problem, open_regular, reason
from crawlers.names import encode_name
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import describe_invalid

_MAX_BYTES = 2**30
_MAX_LINE = 2**20
_MAX_KEYWORDS = 100


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
class CheckedRow:
    """A row of the manifest, as checked and as it stands there, and what is wrong with it."""

    row: ManifestRow
    raw: Mapping[str, Any]
    problem: Problem | None = None


def read_manifest(manifest: Path, folder: Path) -> dict[str, CheckedRow]:
    """Entries by path relative to the folder (NFC: file systems differ in how they write names).

    A path that can't be below the folder is kept as it stands, with its problem. Raises
    StickerworksError that names the line for anything else unusable.
    """
    entries: dict[str, CheckedRow] = {}
    for number, line in _lines(manifest):
        where = f"{manifest}:{number}"
        entry = _entry(line, where)
        path = _below(entry.raw["path"], manifest, folder)
        if path is None:
            problem = ("refused", "outside_folder", "the manifest names a path outside the folder")
            path, entry = entry.raw["path"], replace(entry, problem=problem)
        if path in entries:
            raise _broken(where, f"{encode_name(entry.raw['path'])!r} stands there twice")
        entries[path] = entry
    return entries


def _lines(manifest: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that hold anything, and their numbers."""
    try:
        with open_regular(manifest) as file:
            size, read = os.fstat(file.fileno()).st_size, partial(file.readline, _MAX_LINE + 1)
            if size > _MAX_BYTES:
                raise StickerworksError(
                    f"The manifest {manifest} has {size} bytes, more than {_MAX_BYTES}.",
                    "Split the folder, and give each part a manifest of its own.",
                )
            for number, line in enumerate(iter(read, b""), start=1):
                if len(line) > _MAX_LINE:
                    raise _broken(
                        f"{manifest}:{number}", f"more than {_MAX_LINE} bytes in one line"
                    )
                if line.strip():
                    yield number, line
    except OSError as error:
        raise StickerworksError(
            f"Could not read the manifest {manifest}: {reason(error)}.",
            "Check crawl.sources[].options.manifest.",
        ) from error


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


def _entry(line: bytes, where: str) -> CheckedRow:
    try:
        # Names on disk need be no UTF-8, and whoever lists them may write them as they are.
        raw = json.loads(line.decode("utf-8-sig", "surrogateescape"))
        row = ManifestRow.model_validate(_readable(raw))
    except ValidationError as error:
        raise _broken(where, describe_invalid(error, "", ManifestRow)[0]) from error
    except (ValueError, RecursionError) as error:
        raise _broken(where, f"no JSON object ({error})") from error
    keywords = len(row.keywords or ())
    if keywords <= _MAX_KEYWORDS:
        return CheckedRow(row, raw)
    problem = f"the manifest gives it {keywords} keywords, more than {_MAX_KEYWORDS}"
    row = row.model_copy(update={"keywords": None})
    return CheckedRow(row, raw, ("failed", "too_many_keywords", problem))


def _readable(value: Any) -> Any:
    """The row with question marks for what is no text: pydantic takes none of that."""
    if isinstance(value, dict):
        return {name: _readable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _below(path: str, manifest: Path, folder: Path) -> str | None:
    """The path relative to the folder; None when it leads elsewhere."""
    if os.path.isabs(path):
        return None
    if "\0" in path:
        return path  # normpath() would end the name there
    relative = os.path.relpath(os.path.join(manifest.parent, path), folder)
    return None if relative.split(os.sep)[0] == os.pardir else same_name(relative)


def _broken(where: str, reason: str) -> StickerworksError:
    return StickerworksError(f"The manifest is wrong at {where}: {reason}.", "Mend that line.")
