"""Text of strangers made safe to show and to store: one set of characters, a function a purpose."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from unicodedata import category

JOINER = "\u200d"
"""Makes one emoji of several; where it is kept they are shown whole."""

# Control, format (directions, zero widths) and halves of characters; ends of lines, paragraphs.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
# Overrides and isolates of direction can make a title read as something that it isn't.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-!|~$=])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", ":": "&#58;", "@": "&#64;", '"': "&quot;"}


def visible(text: str, keep: str = "", instead: str = " ") -> str:
    """Text in which line ends are spaces, and ``instead`` stands for all else that isn't seen."""
    # Most text is harmless and long.
    if text.isprintable():
        return text
    return "".join(
        sign
        if sign in keep or category(sign) not in _UNSEEN
        else (" " if sign.isspace() else instead)
        for sign in text
    )


def one_line(text: object, limit: int | None = 80, keep: str = "") -> str:
    """Text as one line of seen characters, spaces run together, cut to ``limit`` with "…".

    >>> one_line("a\\tb\\n c\\u202e")
    'a b c'
    """
    whole = str(text)
    # Cut first as well, so that megabytes that aren't shown cost nothing.
    line = " ".join(visible(whole if limit is None else whole[: limit * 4], keep).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


def plain(text: str) -> str:
    """One line that a terminal only shows: U+FFFD for what it would obey, spaces for line ends.

    >>> plain("a\\x1b]0;b\\x07\\tc")
    'a�]0;b� c'
    """
    return visible(text, JOINER, "\N{REPLACEMENT CHARACTER}")


def quoted(value: object, limit: int = 60) -> str:
    """A value of a stranger as Python writes it, for a line that says what is wrong with it."""
    text = plain(repr(value))
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def some(words: Sequence[str], most: int = 5) -> str:
    """The first of some words, and how many there are beyond ``most``.

    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def markdown_text(text: object, limit: int = 60) -> str:
    """One line that Markdown and HTML show as it is: no link, table cell, tag or mention in it."""
    line = _MARKUP.sub(r"\\\1", one_line(text, limit))
    # GFM links bare "www." names; an entity shows the same dot.
    line = "".join(_ENTITIES.get(sign, sign) for sign in line)
    return re.sub(r"(?i)(www)\.", r"\1&#46;", line)


def html_text(text: str, limit: int = 300) -> str:
    """One line of text for HTML and its attributes; emoji stay whole."""
    return html.escape(one_line(text, limit, keep=JOINER))


def storable(text: str | None, limit: int = 2000) -> str | None:
    """One line that tables hold, joiners and marks of scripts included; None if nothing is left.

    A text longer than the limit is cut and ends in "…".
    """
    if text is None:
        return None
    if len(text) <= limit and text.isprintable() and "  " not in text:
        return text.strip(" ") or None  # most texts; nothing in them is a sign to replace
    line = " ".join("".join(map(_stored, text[:limit])).split())
    if line and len(text) > limit:
        line = line[: limit - 1] + "…"
    return line or None


def storable_lines(text: str) -> str:
    """Text of any lines without what no table holds: NUL, and halves of characters alone."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "")


def shorten_ids(text: str) -> str:
    """Text with the ids of stickers cut to their first characters, as cards show them.

    >>> shorten_ids(f"same as {'ab' * 32} (pixels)")
    'same as ababababab (pixels)'
    """
    return re.sub(r"\b([0-9a-f]{10})[0-9a-f]{54}\b", r"\1", text)


def _stored(sign: str) -> str:
    kind = category(sign)
    if kind == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    return " " if kind == "Cc" else "" if sign in _BIDI else sign
