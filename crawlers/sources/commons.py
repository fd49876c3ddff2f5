"""Wikimedia Commons: files of its search, by continuation; each item names its licence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import Field

from crawlers.observation import Observation
from crawlers.source import (
    Answer,
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
    changed_format,
    identifier,
    mapping,
    members,
    needed_list,
    needed_mapping,
    number,
    observations_of,
    parse_object,
    plain_html,
    text,
    web_address,
)
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import Options
from pipeline.engine.text import one_line

_NAME = "Wikimedia Commons"
_PAGE = 50
_LONGEST_SEARCH = 300
_LAST_OFFSET = 10_000 - _PAGE  # its search looks no further
_REFUSALS = ("blocked", "permissiondenied", "readapidenied", "ratelimited")
_CONTINUES = re.compile(r"[a-z]{0,20}(continue|offset|start)")
_LONGEST_TOKEN = 1000


class CommonsOptions(Options):
    """Options of the source commons."""

    api: BaseAddress = Field(
        "https://commons.wikimedia.org/w/api.php", description="address of the API of the wiki"
    )
    mime: str | None = Field(
        "image/gif",
        pattern=r"^[a-z]+/[a-z0-9.+-]+$",
        description="type of the files to list, such as image/webp; null lists all",
    )


def ask(options: CommonsOptions, query: str, cursor: Cursor) -> Ask:
    """The request for what follows the cursor, which holds what the wiki said to hand back."""
    search = f"filemime:{options.mime} {query}" if options.mime else query
    if len(search) > _LONGEST_SEARCH:
        raise BadQueryError(
            f"Wikimedia Commons takes searches of at most {_LONGEST_SEARCH} characters; this one "
            f"has {len(search)}.",
            "Shorten the query.",
        )
    asked: dict[str, str | int] = {
        "action": "query",
        "format": "json",
        "formatversion": 2,
        "generator": "search",
        "gsrsearch": search,
        "gsrnamespace": 6,
        "gsrlimit": _PAGE,
        "prop": "imageinfo",
        "iiprop": "url|size|mime|sha1|timestamp|user|extmetadata",
    }
    return Ask(address(options.api, "", **(asked | dict(cursor))), api=True)


def read(options: CommonsOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """What a page of the search lists, in the order of the search."""
    body = parse_object(answer, _NAME)
    _refuse(body)
    after = _after(mapping(body, "continue"))
    if "query" not in body:  # how the wiki says that it found nothing
        if body.get("batchcomplete") is not True and not after:
            raise changed_format(_NAME, "it has no query")
        return Page(next=after or None)
    entries = needed_list(needed_mapping(body, "query", _NAME), "pages", _NAME)
    entries = sorted(entries, key=_place)
    offset = number(cursor, "gsroffset") or 0
    found, senseless = observations_of(entries, _observe, offset)
    # A batch may come in parts: each has all its pages, and the details of some of them.
    if _in_parts(after) or _in_parts(cursor):
        senseless -= sum(isinstance(one, dict) and "imageinfo" not in one for one in entries)
    ended = not after or (number(after, "gsroffset") or 0) > _LAST_OFFSET
    return Page(found, None if ended else after, senseless=senseless)


def _refuse(body: Mapping[str, Any]) -> None:
    if "error" not in body:
        return
    code = one_line(text(mapping(body, "error"), "code") or "unknown", 60)
    what = f"Wikimedia Commons answers with the error {code}."
    if code in _REFUSALS:
        raise RefusedError(what, "Wait for some hours, and ask less often.")
    if "query-too-long" in code:
        raise BadQueryError(what, "Shorten the query.")
    raise StickerworksError(what, "Run it again; if it stays, the query may be at fault.")


def _after(told: Mapping[str, Any]) -> dict[str, str | int]:
    """What the wiki says to hand back; it names parameters of ours, so others are left out."""
    return {
        name: value
        for name, value in told.items()
        if _CONTINUES.fullmatch(name)
        and (
            (isinstance(value, str) and len(value) <= _LONGEST_TOKEN)
            or (isinstance(value, int) and number(told, name) is not None)
        )
    }


def _in_parts(cursor: Cursor) -> bool:
    return any(name.startswith("ii") for name in cursor)


def _place(entry: Any) -> int:
    place = number(entry, "index") if isinstance(entry, dict) else None
    return 10**18 if place is None else place


def _observe(entry: Mapping[str, Any], rank: int) -> Observation | None:
    info = next((one for one in members(entry, "imageinfo") if isinstance(one, dict)), {})
    source_id, media_url = identifier(entry, "pageid"), web_address(info, "url")
    if source_id is None or media_url is None:
        return None
    said = partial(_said, mapping(info, "extmetadata"))
    licence, licence_url = said("LicenseShortName"), {"url": said("LicenseUrl")}
    file_name = (text(entry, "title") or "").partition(":")[2].rpartition(".")[0]
    categories = (said("Categories") or "").split("|")
    return Observation(
        source_id=source_id,
        media_url=media_url,
        rank=rank,
        author=said("Artist") or text(info, "user"),
        title=said("ObjectName") or file_name or None,
        tags=tuple(name for name in categories if name),
        page_url=web_address(info, "descriptionurl"),
        licence=licence,
        licence_url=web_address(licence_url, "url"),
        licence_basis="item" if licence else "none",
        raw=entry,
    )


def _said(metadata: Mapping[str, Any], name: str) -> str | None:
    return plain_html(text(mapping(metadata, name), "value"))


SOURCE = Source(
    name="commons",
    title="Wikimedia Commons",
    options=CommonsOptions,
    redistribute=True,
    terms="Each file has a free licence that its row names with its author: keep to it "
    "(attribution, share alike). Trademarks, personality rights and what a file shows may limit "
    "its use further. Wikimedia asks for a User-Agent with a contact and for requests one after "
    "the other.",
    listing=Listing(ask, read),
)
