"""KLIPY: stickers and GIFs of its search, page by page; the key stands in the address's path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from crawlers.observation import Observation
from crawlers.source import Answer, ApiKey, Ask, Cursor, Listing, Page, RefusedError, Source
from crawlers.sources.addresses import BaseAddress, address
from crawlers.sources.reading import (
    identifier,
    mapping,
    needed_list,
    needed_mapping,
    number,
    observations_of,
    parse_object,
    text,
    texts,
    web_address,
)
from pipeline.engine.options import Options

_NAME = "KLIPY"
_KEY = ApiKey("STICKERWORKS_KLIPY_KEY", "partner.klipy.com, an API key of the native API")
_PAGE = 50  # the most that it takes; the least is 8
_SIZES = ("hd", "md", "sm", "xs")
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,200}")


class KlipyOptions(Options):
    """Options of the source klipy."""

    api: BaseAddress = Field("https://api.klipy.com", description="address of the API")
    kind: Literal["stickers", "gifs"] = Field("stickers", description="what to search for")
    format: Literal["gif", "webp"] = Field(
        "gif", description="which file of an item to fetch; the other one where it has no such file"
    )
    locale: str | None = Field(
        None,
        pattern=r"^[A-Za-z]{2}([_-][A-Za-z]{2})?$",
        description="country or language of the queries as KLIPY names it, such as cn",
    )
    content_filter: Literal["off", "low", "medium", "high"] = Field(
        "high", description="how much of what isn't for everyone is left out; high leaves out most"
    )
    customer_id: str = Field(
        "stickerworks",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="what KLIPY is told of who searches; never a person's name",
    )


def ask(options: KlipyOptions, query: str, cursor: Cursor) -> Ask:
    """The request for the cursor's page."""
    asked: dict[str, str | int] = {
        "q": query,
        "page": _page(cursor),
        "per_page": _PAGE,
        "customer_id": options.customer_id,
        "content_filter": options.content_filter,
        "format_filter": "gif,webp",
    }
    if options.locale:
        asked["locale"] = options.locale
    path = f"api/v1/{quote(_KEY.read(), safe='')}/{options.kind}/search"
    return Ask(address(options.api, path, **asked), api=True)


def read(options: KlipyOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """What a page of the search lists, advertisements left out."""
    body = parse_object(answer, _NAME)
    if body.get("result") is False:
        raise RefusedError(
            "KLIPY refuses: its answer says that there is no result.",
            f"Check {_KEY.variable} and what its key may ask for.",
        )
    data = needed_mapping(body, "data", _NAME)
    entries = needed_list(data, "data", _NAME)
    items = [one for one in entries if not (isinstance(one, dict) and one.get("type") == "ad")]
    # How many entries of a page are advertisements is up to KLIPY, so the cursor counts items.
    rank = number(cursor, "rank") or 0
    found, senseless = observations_of(items, partial(_observe, options), rank)
    after = {"page": _page(cursor) + 1, "rank": rank + len(items)}
    return Page(found, after if _goes_on(data, len(entries)) else None, senseless=senseless)


def _goes_on(data: Mapping[str, Any], entries: int) -> bool:
    """Whether there is a next page; where KLIPY doesn't say so, behind a full one there may be."""
    said = data.get("has_next")
    if isinstance(said, bool):
        return said and entries > 0
    return entries >= min(number(data, "per_page") or _PAGE, _PAGE) and entries > 0


def _page(cursor: Cursor) -> int:
    return number(cursor, "page") or 1


def _observe(options: KlipyOptions, entry: Mapping[str, Any], rank: int) -> Observation | None:
    source_id = identifier(entry, "id") or text(entry, "slug")
    media_url = _media_url(mapping(entry, "file"), options.format)
    if source_id is None or media_url is None:
        return None
    slug = text(entry, "slug") or ""
    page_url = f"https://klipy.com/{options.kind}/{slug}" if _SLUG.fullmatch(slug) else None
    return Observation(
        source_id=source_id,
        media_url=media_url,
        rank=rank,
        title=text(entry, "title"),
        tags=texts(entry, "tags"),
        page_url=page_url,
        raw=entry,
    )


def _media_url(file: Mapping[str, Any], wanted: str) -> str | None:
    """The largest file of the wanted format, else of the other one."""
    for kind in (wanted, "gif", "webp"):
        for size in _SIZES:
            if url := web_address(mapping(mapping(file, size), kind), "url"):
                return url
    return None


SOURCE = Source(
    name="klipy",
    title="KLIPY",
    options=KlipyOptions,
    redistribute=False,
    terms="KLIPY grants no licence for its items; they belong to those who made them. Its API is "
    "meant for showing items to the person who searches, under the agreement that comes with the "
    "key: read it, or ask KLIPY, before you keep copies.",
    listing=Listing(ask, read),
    key=_KEY,
)
