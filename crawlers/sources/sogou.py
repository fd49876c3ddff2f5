"""Sogou: stickers (``emoji``) or pictures (``images``) that its search finds, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from crawlers.observation import Observation
from crawlers.source import Answer, Ask, Cursor, Listing, Page, RefusedError, Source
from crawlers.sources.addresses import BaseAddress, address
from crawlers.sources.reading import (
    changed_format,
    identifier,
    needed_mapping,
    number,
    observations_of,
    parse_object,
    plain_html,
    text,
    web_address,
)
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.options import Options

_WHO = "Sogou"
_PAGE = 48
_CAPTCHA = ("antispider", "验证码")
_CAPTCHA_WITHIN = 20_000


class SogouOptions(Options):
    """Options of the source sogou."""

    search: Literal["emoji", "images"] = Field(
        "emoji", description="what is searched: stickers (emoji), or pictures of all kinds (images)"
    )
    original: bool = Field(
        False,
        description="fetch pictures from the sites that show them, which often refuse, and not "
        "Sogou's own smaller copies; of images only",
    )
    api: BaseAddress = Field("https://pic.sogou.com", description="address of the search")


def ask(options: SogouOptions, query: str, cursor: Cursor) -> Ask:
    """The request for the page that starts at the cursor's ``start``."""
    page: dict[str, str | int] = {"start": cursor.get("start", 0), "xml_len": _PAGE}
    if options.search == "images":
        return Ask(address(options.api, "/napi/pc/searchList", mode=1, query=query, **page))
    asked: dict[str, str | int] = {"keyword": query, "tag": 0, "routeName": "emosearch"}
    return Ask(address(options.api, "/napi/wap/emoji/searchlist", **asked, **page))


def read(options: SogouOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """What a page lists; the page after the last one is empty."""
    _refuse(answer)
    data = needed_mapping(parse_object(answer, _WHO), "data", _WHO)
    start = number(cursor, "start") or 0
    images = options.search == "images"
    entries = _entries(data, "items" if images else "emotions")
    observe = partial(_picture, options) if images else _emotion
    found, senseless = observations_of(entries, observe, start)
    if not images and not cursor:
        listed = {observation.source_id for observation in found}
        found += [one for one in _of_packs(data) if one.source_id not in listed]
    following = {"start": start + len(entries)} if entries else None
    return Page(found, following, senseless=senseless)


def _refuse(answer: Answer) -> None:
    shown = answer.body[:_CAPTCHA_WITHIN].decode("utf-8", "replace")
    is_page = shown.lstrip().startswith("<") and any(word in shown for word in _CAPTCHA)
    if is_page or "/antispider" in urlsplit(answer.url).path:
        raise RefusedError(
            "Sogou asks for a captcha instead of listing more.",
            "Nothing fetched is lost. Try again another day, with fewer queries a day.",
        )


def _entries(data: Mapping[str, Any], name: str) -> list[Any]:
    """The list of that name, where null stands for none; it must be there."""
    if name in data and data[name] is None:
        return []
    if not isinstance(data.get(name), list):
        raise changed_format(_WHO, f"data.{name} is no list")
    entries: list[Any] = data[name]
    return entries


def _emotion(entry: Mapping[str, Any], rank: int) -> Observation | None:
    picture = web_address(entry, "thumbSrc")
    source_id = _id_of(picture)
    if source_id is None:
        return None
    return Observation(source_id, picture, rank=rank, raw=entry)


def _of_packs(data: Mapping[str, Any]) -> Iterator[Observation]:
    """Pictures of packs that fit the query; they stand beside the listing and have no rank."""
    packs = data.get("groupList")
    for pack in packs if isinstance(packs, list) else []:
        for place, entry in enumerate(pack if isinstance(pack, list) else []):
            picture = web_address(entry, "picUrl") if isinstance(entry, dict) else None
            source_id = _id_of(picture)
            if source_id is not None:
                yield Observation(
                    source_id,
                    picture,
                    pack_id=identifier(entry, "groupId"),
                    pack_title=text(entry, "groupName"),
                    pack_index=place,
                    raw=entry,
                )


def _picture(options: SogouOptions, entry: Mapping[str, Any], rank: int) -> Observation | None:
    names = ("oriPicUrl", "picUrl", "thumbUrl")
    # The id is the same whichever copy is fetched.
    source_id = _id_of(web_address(entry, *names))
    if source_id is None:
        return None
    return Observation(
        source_id,
        web_address(entry, *(names if options.original else reversed(names))),
        rank=rank,
        title=plain_html(text(entry, "title")),
        page_url=web_address(entry, "pageUrl"),
        raw=entry,
    )


def _id_of(url: str | None) -> str | None:
    """What names a picture: its address without the host where that is one of many alike."""
    try:
        parts = urlsplit(strip_secrets(url or ""))
    except ValueError:
        return None
    if not parts.hostname or not (parts.path.strip("/") or parts.query):
        return None
    host = "sogoucdn.com" if parts.hostname.endswith(".sogoucdn.com") else parts.netloc
    return f"{host}{parts.path}" + (f"?{parts.query}" if parts.query else "")


SOURCE = Source(
    name="sogou",
    title="Sogou (sticker and picture search)",
    options=SogouOptions,
    redistribute=False,
    terms="Sogou publishes no programming interface for its search: these are the addresses that "
    "its own pages ask, and robots.txt and every refusal are obeyed. It shows pictures of other "
    "sites and states neither authors nor licences, so a release carries addresses alone.",
    listing=Listing(ask, read),
)
