"""One sticker's whole life: every row of every table about it."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.compute as pc

from pipeline.engine.errors import StickerworksError
from schemas.tables import TABLES
from stickerworks.cli.display import tell
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import EXIT_DONE, Session, open_session

_SHOWN_BYTES = 16


def trace_command(options: CommandOptions, prefix: str) -> int:
    """Print what every table holds about the sticker whose id starts with ``prefix``."""
    with open_session("trace", options, reads_only=True) as session:
        sticker, part = find_sticker(session, prefix.lower())
        rows = {name: _rows(session, name, part, sticker) for name in TABLES}
        session.results.update(id=sticker, shard=part, tables=rows)
        if not options.json:
            _print(sticker, part, rows)
    return EXIT_DONE


def find_sticker(session: Session, prefix: str) -> tuple[str, int]:
    """The sticker whose id starts with ``prefix``, and its shard; StickerworksError unless one."""
    found = []
    for part in session.workspace.parts:
        ids = session.workspace.read("stickers", part, ["id"])["id"]
        found += [(i, part) for i in ids.filter(pc.starts_with(ids, prefix)).to_pylist()]
    if not found or not prefix:
        raise StickerworksError(
            f"No sticker of {session.workspace.name} has an id that starts with {prefix!r}.",
            "Ids are the sha256 of a file: `sha256sum FILE` prints one.",
        )
    if len(found) > 1:
        raise StickerworksError(
            f"{len(found)} stickers have ids that start with {prefix!r}.", "Give more characters."
        )
    return found[0]


def _rows(session: Session, table: str, part: int, sticker: str) -> list[dict[str, Any]]:
    if "id" not in TABLES[table].schema.names:
        return []
    whole = session.workspace.read(table, part)
    return [_plain(row) for row in whole.filter(pc.equal(whole["id"], sticker)).to_pylist()]


def _plain(value: Any) -> Any:
    """The value without raw bytes, which nobody reads, as JSON can hold it."""
    if isinstance(value, bytes):
        return value.hex() if len(value) <= _SHOWN_BYTES else f"<{len(value):,} bytes>"
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _print(sticker: str, part: int, tables: dict[str, list[dict[str, Any]]]) -> None:
    tell(f"sticker {sticker} (shard {part})")
    for table, rows in tables.items():
        for row in rows:
            tell()
            tell(table)
            for key, value in row.items():
                if key != "id" and value not in (None, [], ""):
                    text = (
                        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                    )
                    tell(f"  {key:<16} {text}")
