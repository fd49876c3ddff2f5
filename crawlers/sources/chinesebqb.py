"""ChineseBQB: one JSON index on GitHub that names some 5,000 stickers in themed categories."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, field_validator

from crawlers.bqb import name_parts, theme_of
from crawlers.names import MAX_ID
from crawlers.observation import Observation
from crawlers.source import Answer, Ask, Cursor, Listing, Page, Source
from crawlers.urls import quote_path
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import Options
from pipeline.engine.text import storable

_INDEX = "https://raw.githubusercontent.com/zhaoolee/ChineseBQB/master/chinesebqb_github.json"


class ChineseBQBOptions(Options):
    """Options of the source chinesebqb."""

    index_url: str = Field(
        _INDEX, description="address of the index; the categories' folders lie beside it"
    )

    @field_validator("index_url")
    @classmethod
    def _http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https address")
        if "@" in parts.netloc:
            raise ValueError("must not hold a user or password: it would reach logs and tables")
        return value


def ask(options: ChineseBQBOptions, query: str, cursor: Cursor) -> Ask:
    """The index, which is the same for every query."""
    return Ask(options.index_url, shared=True)


def read(options: ChineseBQBOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """All that the index lists, or what has the query in its category or name."""
    index = _index(answer.body, options.index_url)
    found = index.found
    if query:
        wanted = query.casefold()
        matching = (one for one, name in zip(found, index.names, strict=True) if wanted in name)
        found = tuple(replace(one, rank=place) for place, one in enumerate(matching))
    return Page(found, total=len(found), senseless=index.senseless)


class _Index(NamedTuple):
    """What an index lists, and the name by which each can be found."""

    found: tuple[Observation, ...]
    names: tuple[str, ...]
    senseless: int


@lru_cache(maxsize=1)  # one answer is read for every query
def _index(body: bytes, index_url: str) -> _Index:
    found, senseless = read_index(body, index_url)
    return _Index(tuple(found), tuple(one.source_id.casefold() for one in found), senseless)


def read_index(body: bytes, index_url: str) -> tuple[list[Observation], int]:
    """Observations of an index in its own order, and the number of entries that make no sense.

    Raises StickerworksError when the body is no such index or lists nothing.
    """
    shown = strip_secrets(index_url)
    try:
        index = json.loads(body)
        entries = index["data"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StickerworksError(
            f"{shown} is no index of ChineseBQB: {type(error).__name__}.",
            "Check crawl.sources[].options.index_url; the source may have changed its format.",
        ) from error
    found = [] if not isinstance(entries, list) else list(_observations(entries, index_url))
    if not found:
        raise StickerworksError(
            f"The index {shown} lists no stickers.",
            "Check crawl.sources[].options.index_url; the source may have changed its format.",
        )
    return found, len(entries) - len(found)


def _observations(entries: list[Any], index_url: str) -> Iterator[Observation]:
    places: dict[str, int] = {}
    seen: set[str] = set()
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        name, category = entry.get("name"), entry.get("category")
        if not isinstance(name, str) or not isinstance(category, str):
            continue
        source_id = f"{category}/{name}"
        if source_id in seen:
            continue
        if len(source_id) > MAX_ID:
            yield Observation(source_id=source_id, raw=entry)
            continue
        try:
            media_url = _beside(index_url, source_id)
        except ValueError:
            continue
        seen.add(source_id)
        place = places[category] = places.get(category, -1) + 1
        yield _observation(entry, media_url, category, name, place)


def _observation(
    entry: dict[str, Any], media_url: str, category: str, name: str, place: int
) -> Observation:
    theme = theme_of(category)
    parts = name_parts(name, theme)
    return Observation(
        source_id=f"{category}/{name}",
        media_url=media_url,
        query=theme.keyword,
        rank=place,
        pack_id=category,
        pack_title=storable(category),
        pack_index=place,
        title=parts[-1] if parts else None,
        tags=tuple(parts),
        licence_basis="none",
        raw=entry,
    )


def _beside(index_url: str, path: str) -> str:
    """Address of a file beside the index: the index's own addresses are not escaped."""
    parts = urlsplit(index_url)
    folder = parts.path.rpartition("/")[0]
    return urlunsplit((parts.scheme, parts.netloc, f"{folder}/{quote_path(path)}", "", ""))


SOURCE = Source(
    name="chinesebqb",
    title="ChineseBQB (GitHub)",
    options=ChineseBQBOptions,
    redistribute=True,
    terms="The repository states no licence for its stickers: every observation says so "
    "(licence_basis none). Whoever publishes a release should set crawl.sources[].redistribute "
    "to false, which leaves the bytes out, unless they hold the rights.",
    listing=Listing(ask, read, needs_query=False),
)
