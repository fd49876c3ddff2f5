"""Text of the web, made fit for a page or a terminal."""

from __future__ import annotations

import re
import unicodedata

_JOINER = "\u200d"  # makes one emoji of several


def plain(text: str) -> str:
    """Text as one line that a terminal only shows: its own codes, direction marks and halves of
    characters become U+FFFD, line breaks and tabs spaces.

    >>> plain("a\\x1b]0;b\\x07\\tc")
    'a�]0;b� c'
    """
    # Most text is harmless and long.
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(sign: str) -> str:
    if sign.isprintable() or sign == _JOINER:
        return sign
    return " " if sign.isspace() else "\N{REPLACEMENT CHARACTER}"


def tidy(text: object, limit: int = 80) -> str:
    """Text of the web as one line without control or direction marks, cut to ``limit``."""
    shown = "".join(
        " " if sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf", "Cs") else sign
        for sign in str(text)[: limit * 4]
    )
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shorten_ids(text: str) -> str:
    """Text with the ids of stickers cut to their first characters, as cards show them.

    >>> shorten_ids(f"same as {'ab' * 32} (pixels)")
    'same as ababababab (pixels)'
    """
    return re.sub(r"\b([0-9a-f]{10})[0-9a-f]{54}\b", r"\1", text)
