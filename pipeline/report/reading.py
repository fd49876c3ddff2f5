"""How the report reads a workspace: shard by shard, named columns only, tolerant of gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import pyarrow as pa

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


def read_shards(
    workspace: Workspace, columns: Columns
) -> Iterator[tuple[int, dict[str, pa.Table]]]:
    """Each shard's number and the rows of its per-sticker tables, in the order of ``stickers``.

    A table that is not there yet, or was made from another crawl, is left out of that shard.
    """
    for part in workspace.parts:
        ids = workspace.read("stickers", part, ["id"])["id"].combine_chunks()
        tables: dict[str, pa.Table] = {}
        for name, wanted in columns.items():
            if not workspace.path(name, part).exists():
                continue
            table = workspace.read(name, part, list(dict.fromkeys(["id", *wanted])))
            if table["id"].combine_chunks().equals(ids):
                tables[name] = table
        yield part, tables


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
