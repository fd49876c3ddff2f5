"""The step from clusters, and what people decided about them, to proposals and the tag set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Output, Reader, Step
from pipeline.tags.carried import count_stickers
from pipeline.tags.proposals import Member, Proposal, propose, tagset_version
from schemas.tables import TABLES


def _tagset(reader: Reader, settings: None) -> Iterator[Output]:
    clusters = reader.read("clusters")
    keywords = reader.read("keywords", columns=["keyword", "tokens"])
    members = _members(clusters, keywords)
    counts = dict(zip(members, _stickers(reader, clusters, list(members)), strict=True))
    proposals = propose(members)
    version = tagset_version(
        [proposal.key for proposal in proposals],
        [(member.keyword, key) for key, found in members.items() for member in found],
    )
    rows = [_row(proposal, members, counts, version) for proposal in proposals]
    yield "proposals", None, pa.Table.from_pylist(rows, schema=TABLES["proposals"].schema)
    named = [row | {"tag": row["name"], "named": False} for row in rows if row["name"]]
    yield "tagset", None, pa.Table.from_pylist(named, schema=TABLES["tagset"].schema)


def _members(clusters: pa.Table, keywords: pa.Table) -> dict[str, list[Member]]:
    """Keywords of each proposal, in order of keys."""
    place = pc.index_in(clusters["keyword"], value_set=keywords["keyword"])
    tokens = keywords["tokens"].take(place).to_pylist()
    found: dict[str, list[Member]] = {}
    for row, words in zip(clusters.to_pylist(), tokens, strict=True):
        if row["key"] is not None:
            member = Member(row["keyword"], tuple(words or ()), row["distance"] or 0.0)
            found.setdefault(row["key"], []).append(member)
    return {key: found[key] for key in sorted(found, key=lambda key: (key[0], int(key[1:])))}


def _stickers(reader: Reader, clusters: pa.Table, keys: Sequence[str]) -> list[int]:
    numbers = pc.index_in(clusters["key"], value_set=pa.array(keys, pa.string()))
    return count_stickers(reader, clusters["keyword"], numbers, len(keys))


def _row(
    proposal: Proposal,
    members: Mapping[str, Sequence[Member]],
    stickers: Mapping[str, int],
    version: str,
) -> dict[str, Any]:
    return {
        "key": proposal.key,
        "name": proposal.name,
        "aliases": [],
        "clusters": [int(proposal.key[1:])],
        "terms": proposal.terms,
        "exemplars": proposal.exemplars,
        "keywords": len(members[proposal.key]),
        "stickers": stickers[proposal.key],
        "flags": proposal.flags,
        "version": version,
    }


TAGSET = Step(
    name="tagset",
    version=1,
    reads=("clusters", "keywords", "observations", "decisions"),
    writes=("proposals", "tagset"),
    settings=lambda config: None,
    run=_tagset,
)
