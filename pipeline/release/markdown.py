"""Markdown made from text of the web: nothing in a name may become markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-!|~$=])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", ":": "&#58;", "@": "&#64;", '"': "&quot;"}


def plain(text: str, limit: int = 60) -> str:
    """One line without control, bidirectional or surrogate characters, cut to ``limit``."""
    visible = (
        char if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else " "
        for char in text
    )
    line = " ".join("".join(visible).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def escape(text: object, limit: int = 60) -> str:
    """Text that Markdown and HTML show as it is: no link, table cell, tag or mention in it."""
    line = _MARKUP.sub(r"\\\1", plain(str(text), limit))
    # GFM links bare "www." names; an entity shows the same dot.
    line = "".join(_ENTITIES.get(char, char) for char in line)
    return re.sub(r"(?i)(www)\.", r"\1&#46;", line)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; every cell is escaped, numbers get thousands separators."""
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    for row in rows:
        lines.append(
            " | ".join(f"{cell:,}" if isinstance(cell, int) else escape(cell) for cell in row)
        )
    return "\n".join(f"| {line} |" for line in lines)
