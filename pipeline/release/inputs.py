"""What a release is made from: the tables, joined sticker by sticker, and their fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import check_crawled
from pipeline.engine.storage import anew
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import TABLES

RELEASE_FORMAT = 4
"""Raised when the same tables would give other bytes; part of every fingerprint."""

REQUIRED = ("stickers", "media", "observations", "signals", "duplicates", "decisions", "splits")
OPTIONAL = ("ocr", "suggestions", "domain", "descriptions", "labels")
GLOBAL = ("tagset", "votes", "agreement", "leakage", "unfetched")
BESIDE = {
    "unfetched": "stickers",
    "tagset": "suggestions",
    "agreement": "labels",
    "leakage": "splits",
}
"""Global tables by one that the same command writes: nobody made the one without the other."""

# The blobs of signals stay unread: a shard in memory is text and numbers only.
_COLUMNS = {
    "signals": [
        "id", "width", "height", "frames", "duration_ms", "animated", "aspect", "entropy", "flags",
    ],
    "ocr": ["id", "text"],
    "duplicates": ["id", "group", "template_id"],
    "observations": [
        "id", "source", "query", "pack_id", "pack_title", "author", "title", "tags", "page_url",
        "media_url", "licence", "licence_url", "licence_basis", "redistribute",
    ],
}  # fmt: skip

Joined = dict[str, Any]
"""One sticker: its row in each table, or its list of rows where a table has many."""


def check_inputs(workspace: Workspace) -> None:
    """Raise StickerworksError unless every table that a release needs is whole."""
    check_crawled(workspace)
    for table in REQUIRED:
        if not workspace.complete(table):
            raise StickerworksError(
                f"The table {table} of {workspace.root} is missing or not finished.",
                f"Run `stickerworks {TABLES[table].command}` first.",
            )
    for table, beside in BESIDE.items():
        if _started(workspace, beside) and not workspace.complete(table):
            raise StickerworksError(
                f"The table {table} of {workspace.root} is missing, and {beside}, which is "
                "written with it, is there.",
                f"Run `stickerworks {TABLES[table].command}` again, which writes both.",
            )
    for table in OPTIONAL:
        if _started(workspace, table) and not workspace.complete(table):
            raise StickerworksError(
                f"The table {table} of {workspace.root} is not finished.",
                f"Run `stickerworks {TABLES[table].command}` again; it continues where it stopped.",
            )


def fingerprint(workspace: Workspace, config: Config) -> tuple[str, dict[str, str]]:
    """Fingerprint of a release and the digests of what it is made from, by name.

    Media paths are left out: bytes are known by their sticker's id wherever they lie.
    """
    made_from = {
        "format": str(RELEASE_FORMAT),
        "config release": config.release.model_dump_json(),
    }
    for table in (*REQUIRED, *OPTIONAL):
        for part in workspace.parts:
            digest = _digest(workspace, table, part)
            if table != "media":
                made_from[f"table {table}/{part:05d}"] = digest
    for table in GLOBAL:
        made_from[f"table {table}"] = _digest(workspace, table, None)
    text = json.dumps(made_from, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest(), made_from


def read_part(workspace: Workspace, part: int) -> Iterator[tuple[str, Joined]]:
    """Each sticker of a shard with its rows in every table, in shard order."""
    tables: dict[str, dict[str, Any]] = {}
    ids: list[str] = workspace.read("stickers", part, ["id"])["id"].to_pylist()
    for table in (*REQUIRED, *OPTIONAL):
        if workspace.path(table, part).exists():
            rows = workspace.read(table, part, _COLUMNS.get(table)).to_pylist()
            detailed = TABLES[table].scope == "detail"
            tables[table] = _by_id(rows, detailed)
            found = [row["id"] for row in rows]
            if found != ids and not (detailed and set(found) <= set(ids)):
                path = workspace.path(table, part)
                raise StickerworksError(
                    f"{path} is not about the same stickers as {workspace.path('stickers', part)}.",
                    anew(path),
                )
    for id_ in ids:
        yield id_, {table: rows.get(id_) for table, rows in tables.items()}


def _by_id(rows: list[dict[str, Any]], many: bool) -> dict[str, Any]:
    if not many:
        return {row["id"]: row for row in rows}
    grouped: dict[str, Any] = {}
    for row in rows:
        grouped.setdefault(row["id"], []).append(row)
    return grouped


def _started(workspace: Workspace, table: str) -> bool:
    return any(workspace.path(table, part).exists() for part in workspace.parts)


def _digest(workspace: Workspace, table: str, part: int | None) -> str:
    if not workspace.path(table, part).exists():
        return "absent"
    return workspace.digest(table, part)
