"""Text of the web, made fit for a page or a terminal."""

from __future__ import annotations

import re
import unicodedata


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
