"""Openverse: openly licensed images of many collections, by page; each item names its licence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from crawlers.observation import Observation
from crawlers.source import Answer, Ask, BadQueryError, Cursor, Listing, Page, Source
from crawlers.sources.addresses import BaseAddress, address
from crawlers.sources.reading import (
    identifier,
    members,
    needed_list,
    number,
    observations_of,
    parse_object,
    text,
    web_address,
)
from pipeline.engine.options import Options

_NAME = "Openverse"
_PAGE = 20  # it refuses more to whoever has no token
_LAST_PAGE = 20
_LONGEST_QUERY = 200  # it cuts what is longer without a word
_NAMES = {
    "cc0": "CC0",
    "pdm": "Public Domain Mark",
    "sampling+": "CC Sampling+",
    "nc-sampling+": "CC NC-Sampling+",
}


class OpenverseOptions(Options):
    """Options of the source openverse."""

    api: BaseAddress = Field("https://api.openverse.org", description="address of the API")
    extension: str | None = Field(
        "gif",
        pattern=r"^[a-z0-9]+(,[a-z0-9]+)*$",
        description="file extensions to list, with commas between them; null lists all",
    )
    licence_type: Literal["all", "commercial", "modification", "commercial,modification"] = Field(
        "all", description="what licences must allow"
    )
    mature: bool = Field(False, description="whether to list what Openverse takes for sensitive")


def ask(options: OpenverseOptions, query: str, cursor: Cursor) -> Ask:
    """The request for the cursor's page."""
    if len(query) > _LONGEST_QUERY:
        raise BadQueryError(
            f"Openverse takes queries of at most {_LONGEST_QUERY} characters; this one has "
            f"{len(query)}.",
            "Shorten the query.",
        )
    asked: dict[str, str | int] = {"q": query, "page": _page(cursor), "page_size": _PAGE}
    if options.extension:
        asked["extension"] = options.extension
    if options.licence_type != "all":
        asked["license_type"] = options.licence_type
    if options.mature:
        asked["mature"] = "true"
    return Ask(address(options.api, "v1/images/", **asked), api=True)


def read(options: OpenverseOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """What a page of the search lists."""
    body = parse_object(answer, _NAME)
    entries = needed_list(body, "results", _NAME)
    page, rank = _page(cursor), number(cursor, "rank") or 0
    found, senseless = observations_of(entries, _observe, rank)
    pages = number(body, "page_count")
    more = bool(entries) and page < min(_LAST_PAGE, _LAST_PAGE if pages is None else pages)
    after = {"page": page + 1, "rank": rank + len(entries)}
    return Page(
        found, after if more else None, total=number(body, "result_count"), senseless=senseless
    )


def _page(cursor: Cursor) -> int:
    return number(cursor, "page") or 1


def _observe(entry: Mapping[str, Any], rank: int) -> Observation | None:
    source_id, media_url = identifier(entry, "id"), web_address(entry, "url")
    if source_id is None or media_url is None:
        return None
    licence = _licence(entry)
    return Observation(
        source_id=source_id,
        media_url=media_url,
        rank=rank,
        author=text(entry, "creator"),
        title=text(entry, "title"),
        tags=_tags(entry),
        page_url=web_address(entry, "foreign_landing_url"),
        licence=licence,
        licence_url=web_address(entry, "license_url"),
        licence_basis="item" if licence else "none",
        raw=entry,
    )


def _licence(entry: Mapping[str, Any]) -> str | None:
    """The licence as people write it: ``by-sa`` of version 4.0 is CC BY-SA 4.0."""
    code, version = text(entry, "license"), text(entry, "license_version")
    if code is None:
        return None
    code = code.strip().lower()
    known = _NAMES.get(code) or (f"CC {code.upper()}" if code.startswith("by") else code)
    return f"{known} {version.strip()}" if version else known


def _tags(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """What people called it; a tag with an accuracy is a model's guess."""
    tags = (tag for tag in members(entry, "tags") if isinstance(tag, dict))
    names = (text(tag, "name") for tag in tags if tag.get("accuracy") is None)
    return tuple(name for name in names if name is not None)


SOURCE = Source(
    name="openverse",
    title="Openverse",
    options=OpenverseOptions,
    redistribute=True,
    terms="Each item has an open licence that its row names: keep to it (attribution, no "
    "commercial use, no changes), and check it at the item's page, since Openverse vouches for "
    "none. Its terms forbid copying the catalogue as a whole and going around its limits: without "
    "a token 20 requests a minute and 200 a day (set per_day), 20 items a page, a few hundred "
    "items a query.",
    listing=Listing(ask, read),
)
