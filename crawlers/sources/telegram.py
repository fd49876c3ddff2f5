"""Telegram: sticker sets by their names, through the Bot API."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field

from crawlers.observation import Observation
from crawlers.source import (
    ITEM,
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
    changed_format,
    mapping,
    needed_list,
    needed_mapping,
    number,
    parse_json,
    parse_object,
    text,
)
from crawlers.urls import quote_path
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import Options
from pipeline.engine.secret_names import HIDDEN
from pipeline.engine.text import one_line

_WHO = "Telegram's Bot API"
_TOKEN = ApiKey("STICKERWORKS_TELEGRAM_TOKEN", "from @BotFather on Telegram")
# What is known as a bot's token, and so hidden wherever an address is stored or shown.
_A_TOKEN = re.compile(r"\d{5,20}:[A-Za-z0-9_-]{20,100}", re.ASCII)
_LINK = re.compile(r"^(?:https?://)?t\.me/(?:addstickers|addemoji)/", re.IGNORECASE)
_A_SET = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_LONGEST_ID = 300
_LONGEST_TEXT = 200
_REFUSALS = (401, 403)


class TelegramOptions(Options):
    """Options of the source telegram; its queries are names or addresses of sticker sets."""

    api: BaseAddress = Field(
        "https://api.telegram.org", description="address of the Bot API's server"
    )


def ask(options: TelegramOptions, query: str, cursor: Cursor) -> Ask:
    """The set of that name, or where one of its stickers lies for the next hour."""
    base = f"{options.api}/bot{_token()}"
    if "file" in cursor:
        return Ask(address(base, "getFile", file_id=cursor["file"]), api=True)
    return Ask(address(base, "getStickerSet", name=_set_name(query)), api=True)


def read(options: TelegramOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """The stickers of a set, each to be asked for, or the address of one."""
    result = _result(answer)
    if "file" in cursor:
        return Page([_sticker(options, cursor, result)])
    name = text(result, "name") or _set_name(query)
    title = (text(result, "title") or name)[:_LONGEST_TEXT]
    emoji_set = result.get("sticker_type") == "custom_emoji"
    stickers = needed_list(result, "stickers", _WHO)
    inner: dict[str, Cursor] = {}
    for index, entry in enumerate(stickers):
        unique, file = _id(entry, "file_unique_id"), _id(entry, "file_id")
        if unique is None or file is None or unique in inner:
            continue
        inner[unique] = {
            "file": file,
            ITEM: unique,
            "index": index,
            "emoji": (text(entry, "emoji") or "")[:_LONGEST_TEXT],
            "set": name[:_LONGEST_TEXT],
            "title": title,
            "page": "addemoji" if emoji_set else "addstickers",
        }
    return Page(
        inner=list(inner.values()), total=len(stickers), senseless=len(stickers) - len(inner)
    )


def retry_after(answer: Answer) -> float | None:
    """Seconds that Telegram asks to wait: they stand in the body."""
    try:
        said = parse_json(answer, _WHO)
    except StickerworksError:
        return None  # a page of some other server on the way
    seconds = number(mapping(said, "parameters"), "retry_after") if isinstance(said, dict) else None
    return float(seconds) if seconds else None


def _result(answer: Answer) -> Any:
    said = parse_object(answer, _WHO)
    if said.get("ok") is True:
        return needed_mapping(said, "result", _WHO)
    if said.get("ok") is not False:
        raise changed_format(_WHO, "it says neither that it went well nor that it didn't")
    description = _without_token(text(said, "description") or "no reason")
    reason = f"Telegram answered: {one_line(description, 200)}."
    if number(said, "error_code") in _REFUSALS:
        raise RefusedError(reason, f"Check {_TOKEN.variable}; @BotFather tells whether it holds.")
    raise StickerworksError(reason, "Check the names of the sticker sets.")


def _sticker(options: TelegramOptions, cursor: Cursor, result: dict[str, Any]) -> Observation:
    name, index, emoji = str(cursor["set"]), cursor["index"], str(cursor["emoji"])
    place = index if isinstance(index, int) else None
    return Observation(
        source_id=str(cursor[ITEM]),
        media_url=_media(options, text(result, "file_path")),
        rank=place,
        pack_id=name,
        pack_title=str(cursor["title"]),
        pack_index=place,
        tags=(emoji,) if emoji else (),
        page_url=f"https://t.me/{cursor['page']}/{name}",
        raw={"emoji": emoji, "file": result},
        api=True,
    )


def _media(options: TelegramOptions, path: str | None) -> str | None:
    """Address of a file, with the token; None where the API gives none, as for a large file."""
    try:
        return f"{options.api}/file/bot{_token()}/{quote_path(path)}" if path else None
    except ValueError:
        return None


def _id(entry: Any, name: str) -> str | None:
    found = text(entry, name) if isinstance(entry, dict) else None
    return found if found and len(found) <= _LONGEST_ID else None


def _set_name(query: str) -> str:
    """The set's name in a query, which may be its address, as Telegram's apps share it."""
    name = _LINK.sub("", query.strip()).strip("/")
    if not _A_SET.fullmatch(name):
        raise BadQueryError(
            f"{one_line(query)!r} is no name of a sticker set of Telegram.",
            "A query is what stands behind t.me/addstickers/ in the set's address.",
        )
    return name


def _without_token(said: str) -> str:
    """What Telegram says, which may repeat the token; to be called before the text is cut."""
    for form in _TOKEN.forms():
        said = said.replace(form, HIDDEN)
    return said


def _token() -> str:
    token = _TOKEN.read()
    if not _A_TOKEN.fullmatch(token):
        raise RefusedError(
            f"What {_TOKEN.variable} holds is no token of a Telegram bot.",
            "It is a number, a colon and some 35 letters and digits, as @BotFather shows it.",
        )
    return token


SOURCE = Source(
    name="telegram",
    title="Telegram (Bot API)",
    options=TelegramOptions,
    redistribute=False,
    terms="Sticker sets are uploaded by users, without a licence (licence_basis none); their "
    "makers keep their rights, and many sets copy others' works. The terms for bots ask to "
    "respect rights and rate limits, and forbid collecting data of users. Read "
    "telegram.org/tos/bot-developers and telegram.org/tos before you accept.",
    listing=Listing(ask, read, retry_after=retry_after),
    key=_TOKEN,
    must_accept=True,
)
