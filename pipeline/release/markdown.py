"""Markdown tables made from text of the web."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.engine.text import markdown_text


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; every cell is escaped, numbers get thousands separators."""
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    for row in rows:
        lines.append(
            " | ".join(
                f"{cell:,}" if isinstance(cell, int) else markdown_text(cell) for cell in row
            )
        )
    return "\n".join(f"| {line} |" for line in lines)
