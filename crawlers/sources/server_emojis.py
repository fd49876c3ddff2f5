"""Custom emoji of one Mastodon or Misskey server: a single list, in which queries are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from crawlers.observation import Observation
from crawlers.source import Answer, Ask, Cursor, Listing, Page, Source
from crawlers.sources.addresses import BaseAddress, address
from crawlers.sources.reading import (
    changed_format,
    needed_list,
    parse_json,
    parse_object,
    text,
    texts,
    web_address,
)
from pipeline.engine.options import Options

_PATHS = {"mastodon": "/api/v1/custom_emojis", "misskey": "/api/emojis"}
_NAMES = {"mastodon": "shortcode", "misskey": "name"}
_TITLES = {"mastodon": "Mastodon", "misskey": "Misskey"}


class ServerEmojisOptions(Options):
    """Options of the source server_emojis."""

    server: BaseAddress = Field(
        description="address of the server, such as https://mastodon.social"
    )
    software: Literal["mastodon", "misskey"] = Field(
        "mastodon",
        description="what the server runs, or which of the two it speaks: mastodon or misskey",
    )


def ask(options: ServerEmojisOptions, query: str, cursor: Cursor) -> Ask:
    """The request for all emoji, whatever the query."""
    return Ask(address(options.server, _PATHS[options.software]), api=True, shared=True)


def read(options: ServerEmojisOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """The emoji whose shortcode, alias or category holds the query; all of them for none."""
    emojis, senseless = _emojis(options.server, options.software, answer.body)
    sought = query.casefold()
    found = [emoji for names, emoji in emojis if any(sought in name for name in names)]
    ranked = [replace(emoji, rank=rank) for rank, emoji in enumerate(found)]
    return Page(ranked, total=len(ranked), senseless=senseless)


@lru_cache(maxsize=1)  # one answer is read for every query
def _emojis(
    server: str, software: str, body: bytes
) -> tuple[list[tuple[tuple[str, ...], Observation]], int]:
    """Every emoji with the names by which it can be found, and how many entries make no sense."""
    packs: dict[str, int] = {}
    found: dict[str, tuple[tuple[str, ...], Observation]] = {}
    entries, host = _entries(software, body), urlsplit(server).netloc
    for entry in entries:
        name = text(entry, _NAMES[software]) if isinstance(entry, dict) else None
        url = web_address(entry, "url") if name else None
        if name is None or url is None or name in found:
            continue
        category = text(entry, "category")
        aliases = tuple(alias for alias in texts(entry, "aliases") if alias.strip())
        place = packs[category or ""] = packs.get(category or "", -1) + 1
        names = tuple(one.casefold() for one in (name, *aliases, category) if one)
        found[name] = names, _observation(host, name, url, category, aliases, place, entry)
    return list(found.values()), len(entries) - len(found)


def _observation(
    host: str,
    name: str,
    url: str,
    category: str | None,
    aliases: tuple[str, ...],
    place: int,
    entry: Mapping[str, Any],
) -> Observation:
    return Observation(
        source_id=f"{host}/{name}",
        media_url=url,
        pack_id=f"{host}/{category}" if category else host,
        pack_title=category or host,
        pack_index=place,
        title=name,
        tags=aliases,
        raw=entry,
    )


def _entries(software: str, body: bytes) -> list[Any]:
    who = f"a {_TITLES[software]} server"
    answer = Answer(200, "", {}, body)
    if software == "misskey":
        return needed_list(parse_object(answer, who), "emojis", who)
    entries = parse_json(answer, who)
    if not isinstance(entries, list):
        raise changed_format(who, "it is no list")
    return entries


SOURCE = Source(
    name="server_emojis",
    title="Custom emoji of a Mastodon or Misskey server",
    options=ServerEmojisOptions,
    redistribute=False,
    terms="The list is a documented programming interface that asks for no key. The emoji were put "
    "there by that server's moderators for its own members and mostly have neither author nor "
    "licence, so a release carries addresses alone unless the server's owners say otherwise.",
    listing=Listing(ask, read, needs_query=False),
)
