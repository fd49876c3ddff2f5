"""Baidu: pictures, by default animated ones, that its image search finds, page by page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from crawlers.observation import Observation
from crawlers.source import Answer, Ask, Cursor, Listing, Page, RefusedError, Source
from crawlers.sources.addresses import BaseAddress, address
from crawlers.sources.baidu_addresses import decode_address
from crawlers.sources.reading import (
    changed_format,
    members,
    number,
    observations_of,
    parse_object,
    plain_html,
    text,
    web_address,
)
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.options import Options
from pipeline.engine.text import one_line

_WHO = "Baidu"
_PAGE = 30
_MOST = 1000  # what lies beyond is never listed
_TYPES = {"gif": 6, "static": 7, "all": -1}
_CAPTCHA = ("安全验证", "wappass")
_CAPTCHA_WITHIN = 20_000
_CONTROL = re.compile(r"[\x00-\x1f]")
_ESCAPE = re.compile(r'(\\["\\/bfnrtu])|\\')
_REMEDY = "Nothing fetched is lost. Try again another day, with fewer queries a day."


class BaiduOptions(Options):
    """Options of the source baidu."""

    type: Literal["gif", "static", "all"] = Field(
        "gif", description="which pictures are searched: animated (gif), static, or all"
    )
    original: bool = Field(
        False,
        description="fetch pictures from the sites that show them, which often refuse, and not "
        "Baidu's own smaller copies",
    )
    api: BaseAddress = Field("https://image.baidu.com", description="address of the search")


def ask(options: BaiduOptions, query: str, cursor: Cursor) -> Ask:
    """The request for the page that starts at the cursor's ``pn``."""
    start = number(cursor, "pn") or 0
    asked: dict[str, str | int] = {"word": query, "queryWord": query, "lm": _TYPES[options.type]}
    page: dict[str, str | int] = {"pn": start, "rn": _PAGE, "gsm": f"{start:x}"}
    shape = {"tn": "resultjson_com", "ipn": "rj", "ie": "utf-8", "oe": "utf-8"}
    return Ask(address(options.api, "/search/acjson", **shape, **asked, **page))


def read(options: BaiduOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """What a page lists. RefusedError where Baidu takes us for a spider, which we are."""
    listing = _parse(answer)
    if listing.get("antiFlag"):
        said = one_line(text(listing, "message") or "no reason given")
        raise RefusedError(f"Baidu refuses to list more: {said}.", _REMEDY)
    data = listing.get("data", "absent")
    if not isinstance(data, list | None):
        raise changed_format(_WHO, "data is no list")
    # The last entry of every page is an empty object.
    entries = [entry for entry in data or [] if entry != {}]
    start, total = number(cursor, "pn") or 0, number(listing, "listNum")
    found, senseless = observations_of(
        entries, lambda entry, rank: _observation(options, entry, rank), start
    )
    following = start + _PAGE
    goes_on = bool(entries) and following < min(total or _MOST, _MOST)
    return Page(found, {"pn": following} if goes_on else None, total=total, senseless=senseless)


def _parse(answer: Answer) -> Mapping[str, Any]:
    r"""The answer's JSON, in which Baidu writes ``\'`` and bare control characters."""
    body = answer.body.decode("utf-8", "replace")
    shown = body[:_CAPTCHA_WITHIN]
    is_page = shown.lstrip().startswith("<") and any(word in shown for word in _CAPTCHA)
    if is_page or "wappass" in answer.url:
        raise RefusedError("Baidu asks for a captcha instead of listing more.", _REMEDY)
    repaired = _ESCAPE.sub(r"\1", _CONTROL.sub(" ", body))
    return parse_object(replace(answer, body=repaired.encode("utf-8", "replace")), _WHO)


def _observation(options: BaiduOptions, entry: Mapping[str, Any], rank: int) -> Observation | None:
    first = next(iter(members(entry, "replaceUrl")), None)
    others = first if isinstance(first, dict) else {}
    original = _plain(entry, "objURL") or web_address(others, "ObjURL")
    copy = web_address(entry, "middleURL", "hoverURL", "thumbURL")
    media_url = (original or copy) if options.original else (copy or original)
    # cs is a signature of the picture, the same under every query.
    source_id = text(entry, "cs") or (strip_secrets(media_url) if media_url else None)
    if media_url is None or source_id is None:
        return None
    title = text(entry, "fromPageTitleEnc") or plain_html(text(entry, "fromPageTitle"))
    page_url = web_address(others, "FromURL") or _plain(entry, "fromURL")
    return Observation(source_id, media_url, rank=rank, title=title, page_url=page_url, raw=entry)


def _plain(entry: Mapping[str, Any], name: str) -> str | None:
    """An address that may be written in Baidu's cipher."""
    return web_address({name: decode_address(text(entry, name) or "")}, name)


SOURCE = Source(
    name="baidu",
    title="Baidu (picture search)",
    options=BaiduOptions,
    redistribute=False,
    terms="Baidu publishes no programming interface for its picture search: this is the address "
    "that its own pages ask, and robots.txt and every refusal are obeyed. It shows pictures of "
    "other sites and states neither authors nor licences, so a release carries addresses alone.",
    listing=Listing(ask, read),
)
