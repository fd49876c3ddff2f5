"""Text of the web, made fit for a page or a terminal."""

from __future__ import annotations

import unicodedata


def tidy(text: object, limit: int = 80) -> str:
    """Text of the web as one line without control or direction marks, cut to ``limit``."""
    shown = "".join(
        " " if sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf", "Cs") else sign
        for sign in str(text)[: limit * 4]
    )
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
