"""Patterns of paths as robots.txt and tdmrep.json write them: beginnings, with * and a final $."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit

# Escapes that mean something else when they are undone: a slash, a percent sign, a star.
_KEPT = re.compile(rb"(%(?:2[fF]|25|2[aA]))")


@dataclass(frozen=True)
class PathPattern:
    """A pattern of addresses on one host (RFC 9309 section 2.2.3); make one with ``of``.

    ``length`` is its number of bytes, escaped: the longest pattern is the most specific one.
    """

    parts: tuple[str, ...]
    ends: bool
    length: int

    @classmethod
    def of(cls, written: str) -> PathPattern:
        """The pattern as written in a file; the empty one fits every address."""
        ends = written.endswith("$")
        escaped = _escaped(written[:-1] if ends else written, "/*")
        parts = tuple(re.sub(r"\*+", "*", escaped).split("*"))
        return cls(parts, ends, len(escaped) + ends)

    def matches(self, target: str) -> bool:
        """Whether it fits what target_of() says of an address."""
        first, *rest = self.parts
        if not target.startswith(first):
            return False
        place = len(first)
        if not rest:
            return not self.ends or place == len(target)
        for part in rest[:-1]:
            found = target.find(part, place)
            if found < 0:
                return False
            place = found + len(part)
        if self.ends:
            return len(target) - len(rest[-1]) >= place and target.endswith(rest[-1])
        return target.find(rest[-1], place) >= 0


def target_of(url: str) -> str:
    """Path and query of an address, escaped as patterns are."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return _escaped((parts.path or "/") + query, "/")


def _escaped(text: str, keep: str) -> str:
    """The text with every sign escaped in the one way, so that equal addresses are equal texts."""
    pieces = _KEPT.split(text.encode("utf-8", "replace"))
    return "".join(
        piece.decode("ascii").upper() if place % 2 else quote(unquote_to_bytes(piece), safe=keep)
        for place, piece in enumerate(pieces)
    )
