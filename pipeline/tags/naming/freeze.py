"""Freezing a naming as the tag set in use: ids, number, version, and the three tables of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.storage import Proof, digest_rows
from pipeline.engine.workspace import Workspace
from pipeline.tags.name_forms import same_name
from pipeline.tags.named import Tables, read_named
from pipeline.tags.naming.basis import Basis
from pipeline.tags.naming.decided import Decided
from pipeline.tags.naming.fates import keyword_fates
from pipeline.tags.naming.resolve import Resolved, ResolvedTag
from schemas.tables import TABLES

_PROOF = Proof("tags apply", "")


@dataclass(frozen=True)
class Frozen:
    """A tag set as it is to be written; ``changed`` is False where it is the one in use.

    ``notes`` are lines for people. The tables hold the rows of this set alone.
    """

    number: int
    version: str
    naming: pa.Table
    tags: pa.Table
    keywords: pa.Table
    notes: tuple[str, ...]
    changed: bool


def freeze(tables: Tables, basis: Basis, resolved: Resolved, who: str | None, when: str) -> Frozen:
    """The next tag set, made of a resolved naming; ``when`` is a UTC time in ISO 8601.

    Nothing is written: see write_frozen.
    """
    history = _History.of(tables, basis)
    found, notes = keyword_fates(basis, resolved)
    ids = _ids(resolved.tags, history)
    naming = _naming(resolved.rows)
    changed = not history.is_newest(naming)
    number = history.newest + changed
    keywords = _keywords(found, ids, number)
    tags = [
        _tag_row(tag, id_, clusters)
        for tag, id_, clusters in zip(
            resolved.tags, ids, _clusters(resolved.tags, basis, found), strict=True
        )
    ]
    version = _version(tags, keywords)
    more = {
        "number": number,
        "parent": basis.parent,
        "basis": basis.version,
        "version": version,
        "named_at": when,
        "named_by": who,
    }
    return Frozen(
        number=number,
        version=version,
        naming=_numbered(naming, number),
        tags=_table("named_tags", [more | tag for tag in tags]),
        keywords=keywords,
        notes=(*resolved.notes, *notes),
        changed=changed,
    )


def write_frozen(workspace: Workspace, frozen: Frozen) -> None:
    """Write the tables of a set that is to be the one in use, with the curve behind the first one.

    Its tags are written last, and their number says which keywords and decisions count: a kill
    before leaves the set before as it was, keywords included. Where nothing changed, what a kill
    left of other sets goes.
    """
    before = read_named(workspace)
    if not frozen.changed:
        _trim(workspace, "named_keywords", before.keywords)
        naming = workspace.read("naming")
        _trim(workspace, "naming", naming.filter(pc.less_equal(naming["number"], before.number)))
        return
    if not before.number:
        _write(workspace, "named_elbow", workspace.read("elbow"))
    settled = pa.concat_tables([before.keywords.cast(frozen.keywords.schema), frozen.keywords])
    _write(workspace, "named_keywords", settled)
    _write(workspace, "naming", _with_history(workspace, "naming", before.number, frozen.naming))
    tags = _with_history(workspace, "named_tags", before.number, frozen.tags)
    _write(workspace, "named_tags", tags)
    _write(workspace, "named_keywords", frozen.keywords)


def _trim(workspace: Workspace, table: str, rows: pa.Table) -> None:
    if workspace.read(table).num_rows > rows.num_rows:
        _write(workspace, table, rows)


def _write(workspace: Workspace, table: str, rows: pa.Table) -> None:
    workspace.write(table, None, rows.combine_chunks(), _PROOF)


def _with_history(workspace: Workspace, table: str, number: int, rows: pa.Table) -> pa.Table:
    """Rows behind those of the sets up to ``number``; what a kill left of another is forgotten."""
    every = workspace.read(table)
    before = every.filter(pc.less_equal(every["number"], number))
    return pa.concat_tables([before.cast(rows.schema), rows])


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    schema = TABLES[name].schema
    return pa.Table.from_pylist(list(rows), schema=schema)


def _naming(rows: Sequence[Decided]) -> pa.Table:
    told = [
        {
            "number": 0,
            "key": one.key or None,
            "decision": one.decision,
            "name": one.name or None,
            "english": one.english or None,
            "group": one.group or None,
            "aliases": one.aliases,
            "into": one.into or None,
            "keywords": one.keywords,
            "words": one.words,
            "note": one.note or None,
        }
        for one in rows
    ]
    # However a sheet was sorted, it says the same.
    return _table("naming", sorted(told, key=lambda row: json.dumps(row, sort_keys=True)))


def _numbered(rows: pa.Table, number: int) -> pa.Table:
    numbers = pa.array(np.full(len(rows), number, dtype=np.int32))
    place = rows.column_names.index("number")
    return rows.set_column(place, rows.schema.field("number"), numbers)


def _tag_row(tag: ResolvedTag, id_: str, clusters: Sequence[int]) -> dict[str, Any]:
    return {
        "id": id_,
        "tag": tag.name,
        "english": tag.english or None,
        "group": tag.group or None,
        "aliases": list(tag.aliases),
        "clusters": list(clusters),
        "keys": list(tag.keys),
    }


def _version(tags: Sequence[Mapping[str, Any]], keywords: pa.Table) -> str:
    shown = ("id", "tag", "english", "group", "aliases", "clusters")
    rows = sorted([tag[name] for name in shown] for tag in tags)
    text = json.dumps([rows, digest_rows(keywords.select(["keyword", "tag"]))])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _keywords(found: pa.Table, ids: Sequence[str], number: int) -> pa.Table:
    columns: dict[str, Any] = {name: found[name] for name in found.column_names}
    columns["number"] = pa.array(np.full(len(found), number, dtype=np.int32))
    columns["tag"] = pa.array(ids, pa.string()).take(found["place"])
    schema = TABLES["named_keywords"].schema
    return pa.table(
        [columns[name].cast(kind) for name, kind in zip(schema.names, schema.types, strict=True)],
        schema=schema,
    )


def _clusters(
    tags: Sequence[ResolvedTag], basis: Basis, found: pa.Table
) -> Iterator[Sequence[int]]:
    """Parent clusters of each tag; of one added by hand, those that its keywords are from too."""
    pairs = found.select(["place", "cluster"]).group_by(["place", "cluster"]).aggregate([])
    held: dict[int, set[int]] = {}
    for pair in pairs.to_pylist():
        if pair["place"] is not None and pair["cluster"] is not None:
            held.setdefault(pair["place"], set()).add(pair["cluster"])
    for place, tag in enumerate(tags):
        own = {cluster for key in tag.keys for cluster in basis.clusters[key]}
        yield sorted(own if tag.kept else own | held.get(place, set()))


@dataclass(frozen=True)
class _History:
    """What earlier sets say of ids: ``kept`` by key and ``added`` by name or by what was taken,
    both in sets of the same proposals; the last id that was ever given; the newest naming."""

    newest: int
    last_id: int
    kept: Mapping[str, str]
    named: Mapping[str, str]
    taking: Mapping[str, str]
    naming: pa.Table
    corrects: bool

    @classmethod
    def of(cls, tables: Tables, basis: Basis) -> _History:
        tags = tables.read("named_tags")
        newest = pc.max(tags["number"]).as_py() or 0
        naming = tables.read("naming")
        naming = naming.filter(pc.less_equal(naming["number"], newest)).combine_chunks()
        same = tags.filter(pc.equal(tags["basis"], basis.version)).to_pylist()
        rows = {(row["number"], row["tag"]): row for row in same}
        kept: dict[str, str] = {}
        named: dict[str, str] = {}
        taking: dict[str, str] = {}
        # The newest goes first.
        for row in reversed(naming.to_pylist()):
            tag = rows.get((row["number"], row["name"]))
            if tag is None:
                continue
            if row["decision"] == "keep":
                kept.setdefault(row["key"], tag["id"])
            elif row["decision"] == "add":
                named.setdefault(same_name(row["name"]), tag["id"])
                taking.setdefault(_taken(row["keywords"], row["words"]), tag["id"])
        return cls(
            newest=newest,
            last_id=max((int(id_[1:]) for id_ in tags["id"].to_pylist()), default=0),
            kept=kept,
            named=named,
            taking=taking,
            naming=naming.filter(pc.equal(naming["number"], newest)),
            corrects=any(row["number"] == newest for row in same),
        )

    def is_newest(self, naming: pa.Table) -> bool:
        """Whether these are the decisions of the newest set, about the same proposals."""
        rest = naming.column_names[1:]
        return self.corrects and self.naming.select(rest).equals(naming.select(rest))


def _ids(tags: Sequence[ResolvedTag], history: _History) -> list[str]:
    """An id for each tag: the one that it had, or the next that was never given."""
    found: dict[int, str] = {}
    given: set[str] = set()

    def give(place: int, known: str | None) -> None:
        if known is not None and known not in given and place not in found:
            found[place] = known
            given.add(known)

    for place, tag in enumerate(tags):
        if tag.kept:
            give(place, tag.kept if tag.kept[0] == "t" else history.kept.get(tag.kept))
        else:
            give(place, history.named.get(same_name(tag.name)))
    for place, tag in enumerate(tags):
        if not tag.kept:
            give(place, history.taking.get(_taken(tag.row.keywords, tag.row.words)))
    fresh = iter(range(history.last_id + 1, history.last_id + len(tags) + 1))
    return [found.get(place) or f"t{next(fresh):03d}" for place in range(len(tags))]


def _taken(keywords: Iterable[str], words: Iterable[str]) -> str:
    return json.dumps([sorted(keywords), sorted(words)])
