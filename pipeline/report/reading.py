"""How the report reads a workspace: block by block, named columns only, tolerant of gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.text import one_line, shorten_ids
from pipeline.engine.workspace import Workspace

T = TypeVar("T")

Columns = Mapping[str, Sequence[str]]


@dataclass
class SmallestKeys(Generic[T]):
    """The ``size`` smallest keys seen, each with a value.

    Ids are hashes, so the smallest ids are a random sample that is the same on any rerun.
    """

    size: int
    _seen: dict[str, T] = field(default_factory=dict)

    def add(self, key: str, value: T) -> None:
        """Offer one key; a value given later replaces the earlier one."""
        self._seen[key] = value
        if len(self._seen) > 4 * self.size:
            self._seen = dict(self.ranked())

    def ranked(self) -> list[tuple[str, T]]:
        """Keys and values, by key."""
        return sorted(self._seen.items(), key=lambda item: item[0])[: self.size]


def read_blocks(workspace: Workspace, columns: Columns) -> Iterator[dict[str, pa.Table]]:
    """Rows of per-sticker tables, a block of shards at a time, in the order of ``stickers``.

    A table that is not there yet, or was made from another crawl, is left out of those shards.
    """
    for parts in workspace.blocks:
        tables, whole = _read(workspace, parts, columns)
        if whole:
            yield tables
        else:
            yield from (_read(workspace, (part,), columns)[0] for part in parts)


def _read(
    workspace: Workspace, parts: tuple[int, ...], columns: Columns
) -> tuple[dict[str, pa.Table], bool]:
    """Tables about the stickers of these shards, and whether no other has any rows of theirs."""
    ids = workspace.read("stickers", parts, ["id"])["id"]
    found = {
        name: workspace.read(name, parts, list(dict.fromkeys(["id", *wanted])))
        for name, wanted in columns.items()
    }
    fitting = {name: table for name, table in found.items() if table["id"].equals(ids)}
    return fitting, not any(len(table) for name, table in found.items() if name not in fitting)


def smallest(table: pa.Table, size: int, *keys: str) -> list[dict[str, Any]]:
    """The rows that come first by their keys, ``id`` unless named, of at most ``size``."""
    order = [(key, "ascending") for key in keys or ("id",)]
    rows: list[dict[str, Any]] = table.take(pc.sort_indices(table, order)[:size]).to_pylist()
    return rows


def say_reason(reason: Mapping[str, object]) -> str:
    """One reason for a drop, with value, threshold and detail as far as they are known."""
    text = str(reason["rule"])
    value, threshold = reason["value"], reason["threshold"]
    if isinstance(value, float):
        text += f" {value + 0.0:.4g}"  # adding 0 turns -0 into 0
    if isinstance(value, float) and isinstance(threshold, float):
        # A rule drops what lies outside of its bounds, so the side tells which bound it is.
        text += f" {'below' if value < threshold else 'above'} {threshold:.4g}"
    detail = one_line(shorten_ids(str(reason["detail"] or "")), 90)
    return f"{text}: {detail}" if detail else text
