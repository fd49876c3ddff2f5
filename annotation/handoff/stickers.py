"""The wanted stickers with what the tables hold of them, shard by shard."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

_COLUMNS = {
    "frames": ["id", "key_frames"],
    "clips": ["id", "frames"],
    "ocr": ["id", "lines"],
    "captions": ["id", "captioner", "text"],
}


@dataclass(frozen=True)
class StickerRows:
    """A sticker's row of each table asked for; ``captions`` are all of its texts by models.

    ``redistribute`` is true when a source that showed the bytes lets them be passed on.
    """

    id: str
    rows: dict[str, dict[str, Any]]
    captions: tuple[str, ...]
    redistribute: bool

    @property
    def clip(self) -> list[dict[str, Any]]:
        """Frames of an animation, more than the key frames; empty where there are none."""
        return self.rows["clips"].get("frames") or []

    @property
    def key_frames(self) -> list[dict[str, Any]]:
        return self.rows["frames"].get("key_frames") or []


def read_stickers(
    workspace: Workspace, wanted: Collection[str], tables: Sequence[str]
) -> Iterator[StickerRows]:
    """The ``wanted`` stickers in the order of the shards; one shard's frames are held at a time.

    A table that the workspace lacks, and ``clips`` where the schema lacks it, gives empty rows.
    """
    chosen = pa.array(sorted(wanted), pa.string())
    for part in workspace.parts:
        ids = _chosen(workspace.read("stickers", part, ["id"]), chosen)["id"].to_pylist()
        if not ids:
            continue
        rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for name in (*tables, "observations"):
            if name in TABLES:
                columns = _COLUMNS.get(name, ["id", "redistribute"])
                found = _chosen(workspace.read(name, part, columns), chosen).to_pylist()
                rows[name] = _by_id(found)
        for id_ in ids:
            mine = {name: found.get(id_, []) for name, found in rows.items()}
            yield _sticker(id_, mine, tables)


def _sticker(id_: str, rows: dict[str, list[dict[str, Any]]], tables: Sequence[str]) -> StickerRows:
    captions = [row for row in rows.get("captions", []) if row["captioner"] != "template"]
    return StickerRows(
        id=id_,
        rows={name: (rows.get(name) or [{}])[0] for name in tables},
        captions=tuple(row["text"] for row in captions if row["text"]),
        redistribute=any(row["redistribute"] is True for row in rows["observations"]),
    )


def _chosen(table: pa.Table, ids: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["id"], value_set=ids))


def _by_id(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["id"], []).append(row)
    return grouped
