"""GIPHY: stickers and GIFs of its search, by offset; needs a key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from pydantic import Field

from crawlers.observation import Observation
from crawlers.source import (
    Answer,
    ApiKey,
    Ask,
    BadQueryError,
    Cursor,
    Listing,
    Page,
    RefusedError,
    Source,
)
from crawlers.sources.addresses import BaseAddress, address
from crawlers.sources.reading import (
    identifier,
    mapping,
    needed_list,
    number,
    observations_of,
    parse_object,
    text,
    texts,
    web_address,
)
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import Options

_NAME = "GIPHY"
_KEY = ApiKey("STICKERWORKS_GIPHY_KEY", "developers.giphy.com, Create an API Key")
_PAGE = 50  # the most that a beta key may ask for
_LAST_OFFSET = 4999  # as its documentation says
_LONGEST_QUERY = 50


class GiphyOptions(Options):
    """Options of the source giphy."""

    api: BaseAddress = Field("https://api.giphy.com", description="address of the API")
    kind: Literal["stickers", "gifs"] = Field("stickers", description="what to search for")
    format: Literal["gif", "webp"] = Field(
        "gif", description="which file of an item to fetch; the other one where it has no such file"
    )
    rating: Literal["g", "pg", "pg-13", "r"] = Field(
        "g", description="the highest rating to list, from g (for everyone) to r"
    )
    lang: str | None = Field(
        None,
        pattern=r"^[a-z]{2}(-[A-Z]{2})?$",
        description="language of the queries as GIPHY names it, such as zh-CN; none by default",
    )


def ask(options: GiphyOptions, query: str, cursor: Cursor) -> Ask:
    """The request for the page that begins at the cursor's offset."""
    if len(query) > _LONGEST_QUERY:
        raise BadQueryError(
            f"GIPHY takes queries of at most {_LONGEST_QUERY} characters; this one has "
            f"{len(query)}.",
            "Shorten the query.",
        )
    asked: dict[str, str | int] = {
        "api_key": _KEY.read(),
        "q": query,
        "limit": _PAGE,
        "offset": number(cursor, "offset") or 0,
        "rating": options.rating,
    }
    if options.lang:
        asked["lang"] = options.lang
    return Ask(address(options.api, f"v1/{options.kind}/search", **asked), api=True)


def read(options: GiphyOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """What a page of the search lists."""
    body = parse_object(answer, _NAME)
    _refuse(mapping(body, "meta"))
    entries = needed_list(body, "data", _NAME)
    pagination = mapping(body, "pagination")
    offset = number(cursor, "offset") or 0
    found, senseless = observations_of(entries, partial(_observe, options), offset)
    total = number(pagination, "total_count")
    after = offset + len(entries)
    more = bool(entries) and after <= _LAST_OFFSET and (total is None or after < total)
    return Page(found, {"offset": after} if more else None, total=total, senseless=senseless)


def _refuse(meta: Mapping[str, Any]) -> None:
    status = number(meta, "status")
    if status in (401, 403, 429):
        raise RefusedError(
            f"GIPHY refuses: its answer has the status {status}.",
            f"Check {_KEY.variable} and how often its key may ask.",
        )
    # GIPHY documents this empty answer: it stands for trouble of its own, not for no results.
    if meta.get("response_id") == "":
        raise StickerworksError("GIPHY answers that it has trouble of its own.", "Run it again.")


def _observe(options: GiphyOptions, entry: Mapping[str, Any], rank: int) -> Observation | None:
    source_id = identifier(entry, "id")
    original = mapping(mapping(entry, "images"), "original")
    files = ("webp", "url") if options.format == "webp" else ("url", "webp")
    media_url = web_address(original, *files)
    if source_id is None or media_url is None:
        return None
    user = mapping(entry, "user")
    return Observation(
        source_id=source_id,
        media_url=media_url,
        rank=rank,
        author=text(user, "display_name", "username") or text(entry, "username"),
        title=text(entry, "title", "alt_text"),
        tags=texts(entry, "tags"),
        page_url=web_address(entry, "url"),
        raw=entry,
    )


SOURCE = Source(
    name="giphy",
    title="GIPHY",
    options=GiphyOptions,
    redistribute=False,
    terms="GIPHY grants no licence for its items. Its rules for integrations forbid keeping copies "
    "of media or their addresses unless GIPHY has approved it, and changing those addresses, and "
    "ask for the search to be called by the person who searches: ask GIPHY before you crawl. "
    "A beta key may ask 100 times an hour.",
    listing=Listing(ask, read),
    key=_KEY,
)
