"""A crawl of some of what is configured: certain sources, other queries, another limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crawlers.source import load_source
from pipeline.engine.errors import StickerworksError
from schemas.config import CrawlConfig, SourceConfig


@dataclass(frozen=True)
class Selection:
    """Which sources are crawled, and with what instead of what is configured; empty means all."""

    sources: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    limit: int | None = None


@dataclass(frozen=True)
class Selected:
    """The configuration to crawl with, and the places of its sources that are crawled.

    All sources stay in it: what the ledger holds depends on their places.
    """

    config: CrawlConfig
    positions: tuple[int, ...]


def select(config: CrawlConfig, wanted: Selection) -> Selected:
    """What is wanted of the configuration; StickerworksError where it isn't there."""
    positions = _positions(config, wanted.sources)
    if wanted.queries:
        positions = _that_take_queries(config, positions, bool(wanted.sources))
    changes: dict[str, object] = {}
    if wanted.queries:
        changes |= only_queries(wanted.queries)
    if wanted.limit is not None:
        changes["limit"] = wanted.limit
    return replace_sources(config, dict.fromkeys(positions, changes))


def only_queries(queries: Sequence[str]) -> dict[str, object]:
    """What makes a source ask for these queries alone."""
    return {"queries": tuple(queries), "query_file": None, "query_table": None}


def replace_sources(config: CrawlConfig, changes: Mapping[int, Mapping[str, object]]) -> Selected:
    """The sources at these places alone, each with its changes."""
    sources: list[SourceConfig] = [
        ours.model_copy(update=dict(changes.get(position, {})))
        for position, ours in enumerate(config.sources)
    ]
    return Selected(config.model_copy(update={"sources": sources}), tuple(changes))


def _positions(config: CrawlConfig, names: Sequence[str]) -> list[int]:
    there = [ours.source for ours in config.sources]
    for name in names:
        if name not in there:
            raise StickerworksError(
                f"crawl.sources has no source {name!r}.",
                f"It has {', '.join(dict.fromkeys(there))}; add it there.",
            )
    return [place for place, name in enumerate(there) if not names or name in names]


def _that_take_queries(config: CrawlConfig, positions: list[int], named: bool) -> list[int]:
    taking = [n for n in positions if load_source(config.sources[n].source).listing is not None]
    others = [config.sources[n].source for n in positions if n not in taking]
    if others and (named or not taking):
        raise StickerworksError(
            f"{', '.join(dict.fromkeys(others))} can't be asked for a query.",
            "Leave out --query, or name another --source.",
        )
    return taking
