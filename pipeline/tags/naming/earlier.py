"""What became of earlier rounds' rows: which are applied already, which tag each one is by now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tags.name_forms import same_name
from pipeline.tags.named import Tables, read_named
from pipeline.tags.naming.decided import decide
from pipeline.tags.naming.rows import Naming, NamingRow

Said = tuple[str, str, str, str, frozenset[str], str]


@dataclass(frozen=True)
class Earlier:
    """Frozen sets, as far as a file of an earlier round is concerned.

    ``tags`` are ids of tags by version and key of the row that each was kept from, ``said`` what
    sets of a version decided by key and note, ``states`` what was ever decided about a tag.
    ``settled`` are those keywords of the file that the set in use holds.
    """

    tags: Mapping[tuple[str, str], str] = field(default_factory=dict)
    said: Mapping[tuple[str, str], Collection[tuple[Said, str]]] = field(default_factory=dict)
    states: Mapping[str, Collection[Said]] = field(default_factory=dict)
    settled: Collection[str] = ()

    @property
    def versions(self) -> frozenset[str]:
        """Versions of proposals of which a set was made."""
        return frozenset(version for version, _ in self.said)

    def tag_of(self, version: str, key: str) -> str:
        """The tag that a row is about by now, "" where it's about none."""
        return key if key.startswith("t") else self.tags.get((version, key), "")

    def is_applied(self, row: NamingRow) -> bool:
        """Whether a set was made of the very same decision."""
        said = decision_of(row), row.note.strip()
        return said in self.said.get((row.version, row.key), ())

    def is_older(self, id_: str, row: NamingRow) -> bool:
        """Whether the row says of a tag what was decided about it before."""
        return decision_of(row) in self.states.get(id_, ()) or self.is_applied(row)


def earlier_rounds(tables: Tables, old: Naming) -> Earlier:
    """What the frozen sets say about rows of a file."""
    tags: dict[tuple[str, str], str] = {}
    said: dict[tuple[str, str], set[tuple[Said, str]]] = {}
    states: dict[str, set[Said]] = {}
    basis: dict[int, str] = {}
    for tag in tables.read("named_tags").to_pylist():
        basis[tag["number"]] = tag["basis"] or ""
        if tag["keys"]:
            tags[tag["basis"] or "", tag["keys"][0]] = tag["id"]
        states.setdefault(tag["id"], set()).add(decision_of(tag_row(tag["id"], tag["tag"], tag)))
    for told in tables.read("naming").to_pylist():
        row = NamingRow(told["key"] or "", told["decision"], into=told["into"] or "",
                        **_names(told["name"], told))  # fmt: skip
        decision = decision_of(row)
        place = basis.get(told["number"], ""), row.key
        said.setdefault(place, set()).add((decision, told["note"] or ""))
        if row.key.startswith("t"):
            states.setdefault(row.key, set()).add(decision)
    return Earlier(tags, said, states, _settled(tables, old))


def tag_row(id_: str, name: str, tag: Mapping[str, Any], note: str = "") -> NamingRow:
    """The row that says of a frozen tag what it is: english, group and aliases are read."""
    return NamingRow(id_, "keep", note=note, **_names(name, tag))


def decision_of(row: NamingRow) -> Said:
    """What a row decides, the same however it is written; its note aside."""
    for one in decide(Naming("", (row,))):
        names = one.name, one.english, same_name(one.group)
        return one.decision, *names, frozenset(one.aliases), one.into
    return "", "", "", "", frozenset(), ""


def tag_notes(tables: Tables) -> dict[str, str]:
    """Notes on tags of the set in use, by their ids, as the newest round left them."""
    named = read_named(tables)
    decided = tables.read("naming")
    rows = decided.filter(pc.equal(decided["number"], named.number)).to_pylist()
    by_key = {row["key"]: row["note"] for row in rows if row["key"] and row["note"]}
    by_name = {row["name"]: row["note"] for row in rows if not row["key"] and row["note"]}
    notes = {}
    for tag in named.tags.to_pylist():
        keys = tag["keys"] or ()
        note = by_key.get(keys[0] if keys else tag["id"]) or by_name.get(tag["tag"])
        if note:
            notes[tag["id"]] = note
    return notes


def _names(name: str | None, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name or "",
        "english": row["english"] or "",
        "group": row["group"] or "",
        "aliases": tuple(row["aliases"] or ()),
    }


def _settled(tables: Tables, old: Naming) -> frozenset[str]:
    shown = pa.array(sorted({word for row in old.rows for word in row.exemplars}), pa.string())
    held = read_named(tables).keywords["keyword"].combine_chunks()
    return frozenset(shown.filter(pc.is_in(shown, value_set=held)).to_pylist())
