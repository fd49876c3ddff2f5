"""JSON objects as models write them: within prose, commented, single-quoted, a comma too many."""

from __future__ import annotations

import json
import re
from typing import Any

# The library json-repair takes what breaks off for whole and <text> for a value, and its time grows
# with the square of a text.
_TRIES, _READINGS = 500, 8
"""Braces that may turn out to begin no object, and how often all of a text may be read for it."""
_DEEPEST = 16

_STRICT = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, strict=False)
_CLOSING = {'"': '"', "'": "'", "“": "”", "‘": "’"}
_GAP = re.compile(r"(?:\s+|//[^\n]*|/\*.{0,1000}?\*/)*+", re.DOTALL)
_COMMAS = re.compile(r"[,，\s]*+")
# What follows a quote that ends a text; any other stands within it, unescaped.
_AFTER_TEXT = re.compile(
    r"""\s*+(?: [}\]:：] | //|/\*
      | [,，]\s*+(?: ["'“‘}\]{\[] | //|/\* | [\w\ -]{1,40}[:：] | (?:-?\d|true|false|null)\b ))
      | [^\S\n]*+\n\s*+["'“‘]""",
    re.VERBOSE | re.IGNORECASE,
)
_WORD = re.compile(r"[^,，:：{}\[\]\n\"“”]{1,2000}")
_KEY = re.compile(r"[\w -]{1,60}")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS = {"true": True, "false": False, "null": None, "none": None}


def read_objects(text: str) -> list[dict[str, Any]]:
    """All JSON objects of a text in order, however they are wrapped; numbers stay text.

    Taken as they come: prose, code fences or a list around them, comments, commas too many or too
    few, other quotes or none, quotes and line breaks within texts. An object that breaks off is
    none, since its last text may be half of one. Takes time in proportion to the text.
    """
    found: list[dict[str, Any]] = []
    start, tries, spent = text.find("{"), 0, 0
    while start >= 0 and tries < _TRIES and spent < _READINGS * len(text):
        value, end = _strictly(text, start) or _loosely(text, start)
        if value is None:
            tries += 1
            spent += end - start
            start = text.find("{", start + 1)
        else:
            found.append(value)
            start = text.find("{", end)
    return found


def _strictly(text: str, start: int) -> tuple[dict[str, Any], int] | None:
    try:
        return _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None


def _loosely(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    """The object and its end; None, and how far it was looked for."""
    reader = _Reader(text, start)
    try:
        return reader.members(_DEEPEST), reader.at
    except ValueError:
        return None, reader.at


class _Reader:
    """Reads values from ``at`` on; ValueError where there is none."""

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self.at = at

    def members(self, depth: int) -> dict[str, Any]:
        """The object whose brace is next."""
        found: dict[str, Any] = {}
        self.at += 1
        while not self._closes("}"):
            key = self._key()
            if not self._takes(":："):
                raise ValueError("a key without a colon")
            found.setdefault(key, self._value(depth - 1))
        return found

    def _items(self, depth: int) -> list[Any]:
        found = []
        self.at += 1
        while not self._closes("]"):
            found.append(self._value(depth - 1))
        return found

    def _value(self, depth: int) -> Any:
        self._skip(_GAP)
        sign = self._text[self.at : self.at + 1]
        if depth < 0:
            raise ValueError("too deep")
        if sign == "{":
            return self.members(depth)
        if sign == "[":
            return self._items(depth)
        if sign in _CLOSING:
            return self._quoted(_CLOSING[sign])
        word = self._match(_WORD).strip()
        # A form that is only echoed has <text> or ... where a value belongs.
        if not word or word.startswith(("<", "/")) or not any(s.isalnum() for s in word):
            raise ValueError("no value")
        return _WORDS.get(word.lower(), word)

    def _key(self) -> str:
        sign = self._text[self.at : self.at + 1]
        return self._quoted(_CLOSING[sign]) if sign in _CLOSING else self._match(_KEY).strip()

    def _quoted(self, closing: str) -> str:
        begin = self.at + 1
        end = self._text.find(closing, begin)
        while end >= 0:
            if not self._is_escaped(end, begin) and _AFTER_TEXT.match(self._text, end + 1):
                self.at = end + 1
                return _ESCAPE.sub(_unescape, self._text[begin:end])
            end = self._text.find(closing, end + 1)
        self.at = len(self._text)
        raise ValueError("a text without an end")

    def _is_escaped(self, at: int, begin: int) -> bool:
        before = self._text[max(begin, at - 100) : at]
        return (len(before) - len(before.rstrip("\\"))) % 2 == 1

    def _closes(self, bracket: str) -> bool:
        before = -1
        while before != self.at:
            before = self.at
            self._skip(_COMMAS)
            self._skip(_GAP)
        return self._takes(bracket)

    def _takes(self, signs: str) -> bool:
        self._skip(_GAP)
        there = self._text[self.at : self.at + 1]
        taken = bool(there) and there in signs
        self.at += taken
        return taken

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self.at)
        if found is None:
            raise ValueError("no word")
        self.at = found.end()
        return found[0]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self.at)
        if found is not None:
            self.at = found.end()


def _unescape(found: re.Match[str]) -> str:
    sign = found[1]
    return chr(int(sign[1:], 16)) if len(sign) == 5 else _ESCAPED.get(sign, sign)
