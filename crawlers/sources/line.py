"""LINE: packs that a search of LINE STORE finds, and the stickers of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from crawlers.observation import Observation
from crawlers.source import Answer, Ask, Cursor, Listing, Page, Source
from crawlers.sources.addresses import BaseAddress, address
from crawlers.sources.reading import (
    identifier,
    mapping,
    needed_list,
    number,
    parse_object,
    text,
)
from pipeline.engine.options import Options

_STORE = "LINE STORE's search"
_PACKS_A_PAGE = 36
_LONGEST_ID = 30
# What a sticker's best file is called where it isn't a still; sound has files of its own.
_MOVING = "iPhone/sticker_animation@2x.png"
_POPUP = "android/sticker_popup.png"
_STILL = "iPhone/sticker@2x.png"
_FILES = {
    "ANIMATION": _MOVING,
    "ANIMATION_SOUND": _MOVING,
    "POPUP": _POPUP,
    "POPUP_SOUND": _POPUP,
}


class LineOptions(Options):
    """Options of the source line."""

    store: BaseAddress = Field("https://store.line.me", description="address of LINE STORE")
    cdn: BaseAddress = Field(
        "https://stickershop.line-scdn.net", description="address of the server of packs and files"
    )
    kind: Literal["ALL", "OFFICIAL", "CREATORS", "SUBSCRIPTION"] = Field(
        "ALL", description="whose stickers to search"
    )
    language: str = Field(
        "en",
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="language of titles and of the search, such as en, ja or zh-Hant",
    )


def ask(options: LineOptions, query: str, cursor: Cursor) -> Ask:
    """A page of the search, or what is known of a pack."""
    if "pack" in cursor:
        path = f"stickershop/v1/product/{cursor['pack']}/android/productInfo.meta"
        return Ask(address(options.cdn, path))
    url = address(
        options.store,
        "api/search/sticker",
        query=query,
        category="sticker",
        type=options.kind,
        offset=cursor.get("offset", 0),
        limit=_PACKS_A_PAGE,
    )
    return Ask(url, headers={"Accept-Language": options.language})


def read(options: LineOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """The packs on a page of the search, or a pack's stickers."""
    if "pack" in cursor:
        return _read_pack(options, cursor, answer)
    found = parse_object(answer, _STORE)
    entries = needed_list(found, "items", _STORE)
    offset = _whole(cursor.get("offset", 0))
    inner: dict[str, Cursor] = {}
    for place, entry in enumerate(entries, offset):
        pack = _number(entry)
        if pack is not None and pack not in inner:
            inner[pack] = {"pack": pack, "place": place}
    following, packs = offset + len(entries), number(found, "totalCount")
    more = bool(entries) and (packs is None or following < packs)
    return Page(
        inner=list(inner.values()),
        next={"offset": following} if more else None,
        senseless=len(entries) - len(inner),
    )


def _read_pack(options: LineOptions, cursor: Cursor, answer: Answer) -> Page:
    pack = str(cursor["pack"])
    who = f"LINE for the pack {pack}"
    meta = parse_object(answer, who)
    entries = needed_list(meta, "stickers", who)
    file = _file(meta)
    found: dict[str, Observation] = {}
    for index, entry in enumerate(entries):
        sticker = _number(entry)
        if sticker is None or sticker in found:
            continue
        found[sticker] = Observation(
            source_id=sticker,
            media_url=f"{options.cdn}/stickershop/v1/sticker/{sticker}/{file}",
            rank=_whole(cursor["place"]),
            pack_id=pack,
            pack_title=_in_language(mapping(meta, "title"), options.language),
            pack_index=index,
            author=_in_language(mapping(meta, "author"), options.language),
            title=text(mapping(entry, "customPlus"), "defaultText"),
            page_url=f"https://store.line.me/stickershop/product/{pack}/{options.language}",
            raw={"sticker": entry, "type": meta.get("stickerResourceType")},
        )
    return Page(list(found.values()), senseless=len(entries) - len(found))


def _file(meta: Mapping[str, Any]) -> str:
    kind = text(meta, "stickerResourceType") or ""
    return _FILES.get(kind) or (_MOVING if meta.get("hasAnimation") is True else _STILL)


def _number(entry: Any) -> str | None:
    """The id of a pack or sticker: a number, so that it can stand in an address as it is."""
    found = identifier(entry, "id") if isinstance(entry, dict) else None
    fits = found is not None and found.isascii() and found.isdecimal()
    return found if fits and len(found or "") <= _LONGEST_ID else None


def _in_language(texts: Mapping[str, Any], language: str) -> str | None:
    """The text in that language, else in English, else in the first there is."""
    return text(texts, language, language.replace("-", "_"), "en", *map(str, texts))


def _whole(value: str | int) -> int:
    return value if isinstance(value, int) else 0


SOURCE = Source(
    name="line",
    title="LINE STORE",
    options=LineOptions,
    redistribute=False,
    terms="Stickers on LINE STORE are sold for use within LINE; their creators and LINE keep all "
    "rights, and its terms forbid copying them for other ends. What you take needs an agreement "
    "or a law that allows it, such as an exception for research. Read terms.line.me before you "
    "accept.",
    listing=Listing(ask, read),
    must_accept=True,
)
