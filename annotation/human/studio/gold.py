"""Gold: stickers whose label the lead knows, read from a file that the server never sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from annotation.human.studio.regions import DOMAINS
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path, read_regular
from schemas.labelling import LabelConfig
from schemas.tables import GOLD

_MAX_BYTES = 50_000_000


def read_gold(config: LabelConfig) -> pa.Table:
    """The table ``gold`` of the file ``label.gold``; empty where none is configured.

    Each line is a JSON object with ``id`` (a sticker's sha256), ``tags`` and perhaps ``domain``.
    Raises StickerworksError that names the line that can't be read.
    """
    rows = {} if config.gold is None else dict(_read(named_path(config.gold, "label.gold")))
    return pa.Table.from_pylist([rows[key] for key in sorted(rows)], schema=GOLD.schema)


def _read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = read_regular(path, _MAX_BYTES).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StickerworksError(
            f"Could not read the gold file {path}: {what}.", "Name another one as label.gold."
        ) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = _parse(line, f"{path}, line {number}")
            yield row["id"], row


def _parse(line: str, where: str) -> dict[str, Any]:
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
        and row.get("domain") in (*DOMAINS, None)
    )
    if not good:
        raise StickerworksError(f"{where} is no gold label.", _FORM)
    return {"id": row["id"], "tags": sorted(set(tags or ())), "domain": row.get("domain")}


_FORM = 'Write one a line: {"id": "<sha256>", "tags": ["..."], "domain": "cartoon"}.'
