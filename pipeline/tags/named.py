"""The frozen tag set in use, as its tables hold it, and what people said on the way to it."""

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
    tags = tags_of(every, number)
    keywords = tables.read("named_keywords")
    keywords = keywords.filter(pc.equal(keywords["number"], number)).combine_chunks()
    if not number:
        return NamedSet(0, 0, "", "", tags, keywords)
    first = tags.slice(0, 1).to_pylist()[0]
    parent, basis = first["parent"] or 0, first["basis"] or ""
    return NamedSet(number, parent, basis, first["version"], tags, keywords)


def tags_of(every: pa.Table, number: int) -> pa.Table:
    """Rows of ``named_tags`` that are of one set, by id, t1000 behind t999."""
    tags = every.filter(pc.equal(every["number"], number)).combine_chunks()
    keys = [("length", "ascending"), ("id", "ascending")]
    ids = pa.table({"length": pc.utf8_length(tags["id"]), "id": tags["id"]})
    return tags.take(pc.sort_indices(ids, sort_keys=keys))


def line_of(named_tags: pa.Table, number: int) -> list[int]:
    """The numbers of a set and of those that it came from, the newest first."""
    pairs = named_tags.select(["number", "parent"]).group_by(["number", "parent"]).aggregate([])
    parents = {row["number"]: row["parent"] or 0 for row in pairs.to_pylist()}
    line = [number] if number else []
    while line and 0 < (parent := parents.get(line[-1], 0)) < line[-1]:
        line.append(parent)
    return line


def words_by_hand(tables: Tables, named: NamedSet) -> dict[str, str]:
    """Words that people gave to tags, whatever keyword has one: the tag's id by the word.

    What newer rounds say goes first; a tag that was merged since leaves its words to the other.
    """
    decided = tables.read("naming", columns=["number", "decision", "name", "words"])
    added = decided.filter(pc.equal(decided["decision"], "add")).to_pylist()
    named_tags = tables.read("named_tags", columns=["number", "parent", "id", "tag", "keys"])
    every = named_tags.to_pylist()
    words: dict[str, str] = {}
    becomes = {id_: id_ for id_ in named.tags["id"].to_pylist()}
    for number in line_of(named_tags, named.number):
        tags = [row for row in every if row["number"] == number]
        ids = {row["tag"]: row["id"] for row in tags}
        for row in added:
            id_ = becomes.get(ids.get(row["name"], "")) if row["number"] == number else None
            if id_ is not None:
                words = dict.fromkeys(row["words"] or (), id_) | words
        merged = {
            key: becomes[row["id"]]
            for row in tags
            for key in row["keys"] or ()
            if row["id"] in becomes
        }
        becomes |= {key: id_ for key, id_ in merged.items() if key.startswith("t")}
    return words
