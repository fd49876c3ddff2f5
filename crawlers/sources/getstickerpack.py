"""getstickerpack.com: packs of stickers that its search finds, and what is in each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urljoin

from pydantic import Field

from crawlers.observation import Observation
from crawlers.source import Answer, Ask, Cursor, Listing, Page, Source
from crawlers.sources.addresses import BaseAddress, address
from crawlers.sources.reading import (
    mapping,
    needed_list,
    needed_mapping,
    number,
    observations_of,
    parse_object,
    text,
    web_address,
)
from pipeline.engine.options import Options

_WHO = "getstickerpack.com"
_API = "/api/v1/stickerdb"
_LONGEST_SLUG = 300


class GetStickerPackOptions(Options):
    """Options of the source getstickerpack."""

    api: BaseAddress = Field("https://getstickerpack.com", description="address of the site")
    media: BaseAddress = Field(
        "https://s3.getstickerpack.com", description="address below which the stickers lie"
    )


def ask(options: GetStickerPackOptions, query: str, cursor: Cursor) -> Ask:
    """The request for a page of packs, or for the pack that the cursor names."""
    if "pack" in cursor:
        return Ask(address(options.api, f"{_API}/stickers/{quote(str(cursor['pack']), safe='')}"))
    asked = {"query": query, "page": cursor.get("page", 1)}
    return Ask(
        address(options.api, f"{_API}/search"),
        method="POST",
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        body=json.dumps(asked).encode(),
    )


def read(options: GetStickerPackOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """The packs of a page, or the stickers of a pack."""
    whole = parse_object(answer, _WHO)
    if "pack" in cursor:
        return _stickers(options, cursor, needed_mapping(whole, "data", _WHO))
    entries = needed_list(whole, "data", _WHO)
    page = number(cursor, "page") or 1
    first = number(cursor, "packs") or 0
    inner, senseless = _packs(entries, first)
    last = number(mapping(whole, "meta"), "total_pages")
    goes_on = bool(entries) and (last is None or page < last)
    following = {"page": page + 1, "packs": first + len(entries)}
    return Page(next=following if goes_on else None, inner=inner, senseless=senseless)


def _packs(entries: list[Any], first: int) -> tuple[list[Cursor], int]:
    """A listing for each pack, with its place among all that the query finds."""
    packs: list[Cursor] = []
    for place, entry in enumerate(entries, first):
        slug = text(entry, "slug") if isinstance(entry, dict) else None
        # A part of an address: neither a folder's own name, nor what no address can say.
        if slug and len(slug) <= _LONGEST_SLUG and slug.isprintable() and slug not in (".", ".."):
            packs.append({"pack": slug, "place": place})
    return packs, len(entries) - len(packs)


def _stickers(options: GetStickerPackOptions, cursor: Cursor, pack: Mapping[str, Any]) -> Page:
    slug, rank = str(cursor["pack"]), number(cursor, "place")
    title, author = text(pack, "title"), _author(pack)
    seen: set[str] = set()

    def sticker(entry: Mapping[str, Any], place: int) -> Observation | None:
        index = number(entry, "sticker_index")
        source_id = f"{slug}/{place + 1 if index is None else index}"
        media_url = _media(options, entry)
        if media_url is None or source_id in seen:
            return None
        seen.add(source_id)
        return Observation(
            source_id,
            media_url,
            # The place of its pack: packs stand in the listing, and stickers in packs.
            rank=rank,
            pack_id=slug,
            pack_title=title,
            pack_index=place,
            author=author,
            page_url=address(options.api, f"/stickers/{quote(slug, safe='')}"),
            raw=entry,
        )

    found, senseless = observations_of(needed_list(pack, "images", _WHO), sticker)
    return Page(found, senseless=senseless)


def _author(pack: Mapping[str, Any]) -> str | None:
    return text(mapping(pack, "user"), "name", "username") or text(pack, "user")


def _media(options: GetStickerPackOptions, entry: Mapping[str, Any]) -> str | None:
    """The address of a sticker, which is told as a path below the media's address."""
    whole, path = web_address(entry, "url"), (text(entry, "url") or "").strip()
    if whole or not path.strip("/"):
        return whole
    try:
        below = urljoin(f"{options.media}/", quote(path.lstrip("/"), safe="/%?=&"))
    except ValueError:
        return None
    return below if below.startswith(f"{options.media}/") else None


SOURCE = Source(
    name="getstickerpack",
    title="getstickerpack.com",
    options=GetStickerPackOptions,
    redistribute=False,
    terms="The site publishes no programming interface: these are the addresses that its own pages "
    "ask, and robots.txt is obeyed. Its packs are put there by users, who seldom state a licence "
    "and often took the pictures from elsewhere, so a release carries addresses alone.",
    listing=Listing(ask, read),
)
