"""Reading answers of sources: what has the wrong type counts as absent, entry by entry."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from crawlers.observation import Observation
from crawlers.source import Answer
from pipeline.engine.errors import StickerworksError

_BLOCK = re.compile(r"<(?:style|script)\b[^<]*</(?:style|script)\s*>", re.IGNORECASE)
_BREAK = re.compile(r"</?(?:br|p|div|li|t[dhr])\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_LONGEST_HTML = 20_000
_MOST_DIGITS = 18


def changed_format(who: str, what: str = "") -> StickerworksError:
    """The error for an answer of a shape that isn't known, with what is wrong with it."""
    return StickerworksError(
        f"This isn't what {who} answers{f': {what}' if what else ''}; the source may have changed "
        "its format.",
        "Look for a newer stickerworks, or check crawl.sources[].options.",
    )


def parse_json(answer: Answer, who: str) -> Any:
    """The JSON of an answer; StickerworksError for anything else, such as a page of HTML."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise changed_format(who, "it is no JSON") from error


def parse_object(answer: Answer, who: str) -> Mapping[str, Any]:
    """The JSON object of an answer; StickerworksError for anything else."""
    value = parse_json(answer, who)
    if not isinstance(value, dict):
        raise changed_format(who, "it is no JSON object")
    return value


def needed_list(entry: Mapping[str, Any], name: str, who: str) -> list[Any]:
    """The list of that name, without which the whole answer makes no sense."""
    value = entry.get(name)
    if not isinstance(value, list):
        raise changed_format(who, f"{name} is no list")
    return value


def needed_mapping(entry: Mapping[str, Any], name: str, who: str) -> Mapping[str, Any]:
    """The object of that name, without which the whole answer makes no sense."""
    value = entry.get(name)
    if not isinstance(value, dict):
        raise changed_format(who, f"{name} is no object")
    return value


def text(entry: Mapping[str, Any], *names: str) -> str | None:
    """The first of these that is a text with something in it."""
    values = (entry.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value.strip()), None)


def number(entry: Mapping[str, Any], name: str) -> int | None:
    """A whole number from 0, also where it is written as a text."""
    value = entry.get(name)
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value) if len(value) <= _MOST_DIGITS else None
    return value if isinstance(value, int) and 0 <= value < 10**_MOST_DIGITS else None


def identifier(entry: Mapping[str, Any], name: str) -> str | None:
    """An id as a text, also where it is a number."""
    found = number(entry, name) if not isinstance(entry.get(name), str) else None
    return text(entry, name) if found is None else str(found)


def mapping(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of that name, or an empty one."""
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def members(entry: Mapping[str, Any], name: str) -> list[Any]:
    """The list of that name, or an empty one."""
    value = entry.get(name)
    return value if isinstance(value, list) else []


def texts(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The texts in the list of that name; what else is in it is left out."""
    return tuple(value for value in members(entry, name) if isinstance(value, str))


def web_address(entry: Mapping[str, Any], *names: str) -> str | None:
    """The first of these that is an http or https address; ``//host/…`` is taken as https."""
    for name in names:
        value = (text(entry, name) or "").strip()
        if value.startswith("//"):
            return f"https:{value}"
        if value[:8].lower().startswith(("http://", "https://")):
            return value
    return None


def observations_of(
    entries: Iterable[Any],
    observe: Callable[[Mapping[str, Any], int], Observation | None],
    first: int = 0,
) -> tuple[list[Observation], int]:
    """What ``observe`` makes of each entry and its rank, and how many entries make no sense.

    Ranks count on from ``first``; an entry that makes no sense keeps its place.
    """
    found: list[Observation] = []
    senseless = 0
    for rank, entry in enumerate(entries, first):
        made = observe(entry, rank) if isinstance(entry, dict) else None
        if made is None:
            senseless += 1
        else:
            found.append(made)
    return found, senseless


def plain_html(markup: str | None) -> str | None:
    """A piece of HTML as one line of text; None where nothing is left.

    >>> plain_html('by <a href="//x">A&amp;B</a> ')
    'by A&B'
    """
    if markup is None:
        return None
    cut = _BREAK.sub(" ", _BLOCK.sub(" ", markup[:_LONGEST_HTML]))
    return " ".join(html.unescape(_TAG.sub("", cut)).split()) or None
