"""The frozen tag set in use, as its tables hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc



class Tables(Protocol):
    """Where global tables are read: a workspace, or what a step sees of one."""

    def read(self, table: str, parts: None = None, columns: list[str] | None = None) -> pa.Table:
        """All rows of a global table; empty where it isn't there."""


@dataclass(frozen=True)
class NamedSet:
    """The frozen tag set in use: its tags in order of id, and the keywords that it settled.

    ``number`` is 0, and both are empty, while nobody has named anything. ``basis`` is the version
    of the proposals that were decided about, ``parent`` the number of the set before that.
    """

    number: int
    parent: int
    basis: str
    version: str
    tags: pa.Table
    keywords: pa.Table


def read_named(tables: Tables) -> NamedSet:
    """The newest frozen set whose tags are there: they are written when all else of it is."""
    every = tables.read("named_tags")
    number = pc.max(every["number"]).as_py() or 0
    tags = in_order(every.filter(pc.equal(every["number"], number)).combine_chunks())
    keywords = tables.read("named_keywords")
    keywords = keywords.filter(pc.equal(keywords["number"], number)).combine_chunks()
    if not number:
        return NamedSet(0, 0, "", "", tags, keywords)
    first = tags.slice(0, 1).to_pylist()[0]
    parent, basis = first["parent"] or 0, first["basis"] or ""
    return NamedSet(number, parent, basis, first["version"], tags, keywords)


def in_order(tags: pa.Table) -> pa.Table:
    """Tags by id, t1000 behind t999."""
    keys = [("length", "ascending"), ("id", "ascending")]
    ids = pa.table({"length": pc.utf8_length(tags["id"]), "id": tags["id"]})
    return tags.take(pc.sort_indices(ids, sort_keys=keys))

