"""The file of stickers whose label the lead knows, line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular

_MAX_BYTES = 50_000_000
_DOMAINS = ("cartoon", "real")
_FORM = 'Write one a line: {"id": "<sha256>", "tags": ["..."], "domain": "cartoon"}.'


@dataclass(frozen=True)
class GoldLabel:
    """What is known of a sticker; tags sorted."""

    tags: tuple[str, ...]
    domain: str | None


def read_gold_file(path: Path) -> dict[str, GoldLabel]:
    """Known labels by sticker; StickerworksError that names the line that can't be read."""
    return dict(_read(path))


def _read(path: Path) -> Iterator[tuple[str, GoldLabel]]:
    try:
        lines = read_regular(path, _MAX_BYTES).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StickerworksError(
            f"Could not read the gold file {path}: {what}.", "Name another one as label.gold."
        ) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _parse(line, f"{path}, line {number}")


def _parse(line: str, where: str) -> tuple[str, GoldLabel]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise StickerworksError(f"{where} is no JSON: {error}.", _FORM) from error
    tags = row.get("tags") if isinstance(row, dict) else None
    good = (
        isinstance(row, dict)
        and isinstance(row.get("id"), str)
        and isinstance(tags, list)
        and all(isinstance(tag, str) for tag in tags)
        and row.get("domain") in (*_DOMAINS, None)
    )
    if not good:
        raise StickerworksError(f"{where} is no gold label.", _FORM)
    return row["id"], GoldLabel(tuple(sorted(set(tags or ()))), row.get("domain"))
