"""Answers as values: a tolerant reader of JSON, yes or no, and classes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_LONGEST = 100_000
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
_TRAILING_COMMA = re.compile(r",\s*([}\]])")
_YES = re.compile(r"\W*(yes|yeah|true|是|有|存在)", re.IGNORECASE)
_NO = re.compile(r"\W*(no\b|none|not\b|there is no|false|否|不|没|無|无)", re.IGNORECASE)


def without_thought(text: str) -> str:
    """The answer behind a leading ``<think>`` block; nothing when the thought has no end."""
    rest = _THOUGHT.sub("", text)
    return "" if rest.lstrip().startswith("<think>") else rest.strip()


def read_object(text: str) -> dict[str, Any] | None:
    """The JSON object of an answer, however it is wrapped; None where there is none.

    Taken as they come: prose or a code fence around it, commas too many, single quotes, raw line
    breaks within texts. An object that breaks off is none: its last text may be half of one.
    """
    text = text[:_LONGEST]
    fenced = [match.group(1) for match in _FENCE.finditer(text)]
    for candidate in (*fenced, text):
        start = candidate.find("{")
        while start >= 0:
            end = _end_of_object(candidate, start)
            if end is None:
                break
            found = _decode(candidate[start:end])
            if found is not None:
                return found
            start = candidate.find("{", start + 1)
    return None


def take(found: Mapping[str, Any], key: str) -> str | None:
    """The text under a key, however it is spelt; numbers and lists become text, None is none."""
    wanted = _bare(key)
    for name, value in found.items():
        if _bare(str(name)) == wanted:
            return _as_text(value)
    return None


def read_yes_no(text: str) -> str | None:
    """``yes`` or ``no``; None where the answer is neither."""
    if _NO.match(text):
        return "no"
    return "yes" if _YES.match(text) else None


def read_class(text: str, classes: Sequence[str]) -> str | None:
    """The one class that a text names; None where it names none, or more than one."""
    flat = f"_{_bare(text)}_"
    exact = [name for name in classes if f"_{_bare(name)}_" == flat]
    named = exact or [name for name in classes if f"_{_bare(name)}_" in flat]
    # "edited photo" names the class photo as well: the longest name that holds the others counts.
    longest = [n for n in named if all(_bare(other) in _bare(n) for other in named)]
    return longest[0] if longest else None


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(text for item in value if (text := _as_text(item)))
    return json.dumps(value, ensure_ascii=False)


def _end_of_object(text: str, start: int) -> int | None:
    """Index behind the brace that closes the one at ``start``; braces in quotes don't count."""
    depth, quote, escaped = 0, "", False
    for index in range(start, len(text)):
        sign = text[index]
        if quote:
            if escaped:
                escaped = False
            elif sign == "\\":
                escaped = True
            elif sign == quote:
                quote = ""
        elif sign == '"':
            quote = sign
        elif sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                return index + 1
    return None


def _decode(text: str) -> dict[str, Any] | None:
    for candidate in (text, _TRAILING_COMMA.sub(r"\1", text)):
        try:
            found = json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
        return found if isinstance(found, dict) else None
    try:
        # Python's spelling of the same: single quotes, True, None. It evaluates literals alone.
        literal = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return literal if isinstance(literal, dict) else None
