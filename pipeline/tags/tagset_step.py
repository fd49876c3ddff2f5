"""The step from clusters, and what people decided about them, to proposals and the tag set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Output, Reader, Step
from pipeline.tags.carried import count_stickers
from pipeline.tags.proposals import Proposal, propose, tagset_version
from pipeline.tags.words import blocked_words
from schemas.config import Config, Section
from schemas.tables import TABLES


class TagsetSettings(Section):
    """What decides the names that clusters suggest: the blocked words, and what splits texts."""

    blocked: tuple[str, ...]
    libraries: dict[str, str]


def _tagset_settings(config: Config) -> TagsetSettings:
    return TagsetSettings(
        blocked=blocked_words(config.tags.blocked_words),
        libraries={name: version(name) for name in ("jieba", "opencc")},
    )


def _tagset(reader: Reader, settings: TagsetSettings) -> Iterator[Output]:
    clusters = reader.read("clusters")
    proposals = propose(_keywords(reader, clusters), settings.blocked)
    keys = [proposal.key for proposal in proposals]
    counts = dict(zip(keys, _stickers(reader, clusters, keys), strict=True))
    held = clusters.filter(pc.is_valid(clusters["key"]))
    assignments = zip(held["keyword"].to_pylist(), held["key"].to_pylist(), strict=True)
    digest = tagset_version(keys, list(assignments))
    rows = [_row(proposal, counts, digest) for proposal in proposals]
    yield "proposals", None, pa.Table.from_pylist(rows, schema=TABLES["proposals"].schema)
    named = [row | {"tag": row["name"], "named": False} for row in rows if row["name"]]
    yield "tagset", None, pa.Table.from_pylist(named, schema=TABLES["tagset"].schema)


def _keywords(reader: Reader, clusters: pa.Table) -> pa.Table:
    """Keywords with their words, key and distance."""
    keywords = reader.read("keywords", columns=["keyword", "tokens"])
    place = pc.index_in(clusters["keyword"], value_set=keywords["keyword"])
    found = clusters.select(["keyword", "key", "distance"])
    return found.append_column("tokens", keywords["tokens"].take(place))


def _stickers(reader: Reader, clusters: pa.Table, keys: Sequence[str]) -> list[int]:
    numbers = pc.index_in(clusters["key"], value_set=pa.array(keys, pa.string()))
    return count_stickers(reader, clusters["keyword"], numbers, len(keys))


def _row(proposal: Proposal, stickers: Mapping[str, int], digest: str) -> dict[str, Any]:
    return {
        "key": proposal.key,
        "name": proposal.name,
        "english": proposal.english,
        "aliases": [],
        "clusters": [int(proposal.key[1:])],
        "terms": proposal.terms,
        "exemplars": proposal.exemplars,
        "keywords": proposal.keywords,
        "stickers": stickers[proposal.key],
        "flags": proposal.flags,
        "version": digest,
    }


TAGSET = Step(
    name="tagset",
    version=2,
    reads=("clusters", "keywords", "observations", "decisions"),
    writes=("proposals", "tagset"),
    settings=_tagset_settings,
    run=_tagset,
)
