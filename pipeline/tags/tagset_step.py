"""The step from clusters, and what people decided about them, to proposals and the tag set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Output, Reader, Step
from pipeline.tags.blocked import blocked_by_people
from pipeline.tags.carried import count_stickers
from pipeline.tags.named import NamedSet, read_named
from pipeline.tags.naming.basis import proposals_version
from pipeline.tags.proposals import Proposal, propose
from pipeline.tags.words import blocked_words
from schemas.config import Config
from schemas.section import Section
from schemas.tables import TABLES

Row = dict[str, Any]

# A keyword that so many stickers carry is a topic by itself: a query, or a folder's name.
_MANY = 5
_PEOPLES = ("naming", "named_tags", "named_keywords")


class TagsetSettings(Section):
    """What decides the names that clusters suggest: the blocked words, and what splits texts."""

    blocked: tuple[str, ...]
    libraries: dict[str, str]


def _tagset(reader: Reader, settings: TagsetSettings) -> Iterator[Output]:
    clusters, named = reader.read("clusters"), read_named(reader)
    keywords = reader.read("keywords", columns=["keyword", "tokens"])
    place = pc.index_in(clusters["keyword"], value_set=keywords["keyword"].combine_chunks())
    held = clusters.append_column("tokens", keywords["tokens"].take(place))
    tags = {row["id"]: row for row in named.tags.to_pylist()}
    people = blocked_by_people(*(reader.read(name) for name in _PEOPLES))
    blocked = people.union(settings.blocked)
    current = {id_: _names(tag) for id_, tag in tags.items()}
    proposals = propose(held, blocked, current)
    keys = [proposal.key for proposal in proposals]
    digest = proposals_version(named.version, keys, clusters)
    stickers = _stickers(reader, clusters, keys)
    rows = [
        _proposed(proposal, tags.get(proposal.key), count) | {"version": digest}
        for proposal, count in zip(proposals, stickers, strict=True)
    ]
    yield "proposals", None, pa.Table.from_pylist(rows, schema=TABLES["proposals"].schema)
    tagset = list(_in_use(rows, named) if named.number else _suggested(rows))
    yield "tagset", None, pa.Table.from_pylist(tagset, schema=TABLES["tagset"].schema)


def _names(tag: Mapping[str, Any]) -> list[str]:
    return [name for name in (tag["tag"], tag["english"], *(tag["aliases"] or ())) if name]


def _stickers(reader: Reader, clusters: pa.Table, keys: Sequence[str]) -> list[int]:
    numbers = pc.index_in(clusters["key"], value_set=pa.array(keys, pa.string()))
    return count_stickers(reader, clusters["keyword"], numbers, len(keys))


def _proposed(proposal: Proposal, tag: Mapping[str, Any] | None, stickers: int) -> Row:
    """A row of proposals: what clusters suggest, or a frozen tag as people left it."""
    row: Row = {
        "key": proposal.key,
        "name": proposal.name,
        "english": proposal.english,
        "aliases": [],
        "terms": proposal.terms,
        "exemplars": proposal.exemplars,
        "keywords": proposal.keywords,
        "stickers": stickers,
        "flags": [
            flag for flag in proposal.flags if not (flag == "singleton" and stickers >= _MANY)
        ],
    }
    if tag is None:
        return row | {"clusters": [int(proposal.key[1:])]}
    kept = {name: tag[name] for name in ("english", "group", "aliases", "clusters")}
    return row | kept | {"tag": tag["id"], "name": tag["tag"]}


def _in_use(rows: Sequence[Row], named: NamedSet) -> Iterator[Row]:
    """The frozen set, with what carries its tags now; nobody has to be warned of them any more."""
    proposed = {row["tag"]: row for row in rows if row.get("tag")}
    for id_ in named.tags["id"].to_pylist():
        row = proposed[id_]
        more = {"id": id_, "tag": row["name"], "flags": [], "named": True, "version": named.version}
        yield row | more


def _suggested(rows: Sequence[Row]) -> Iterator[Row]:
    yield from (row | {"tag": row["name"], "named": False} for row in rows if row["name"])


def _tagset_settings(config: Config) -> TagsetSettings:
    return TagsetSettings(
        blocked=blocked_words(config.tags.blocked_words),
        libraries={name: version(name) for name in ("jieba", "opencc")},
    )


TAGSET = Step(
    name="tagset",
    version=3,
    reads=("clusters", "keywords", *_PEOPLES, "observations", "decisions"),
    optional=_PEOPLES,
    writes=("proposals", "tagset"),
    settings=_tagset_settings,
    run=_tagset,
)
