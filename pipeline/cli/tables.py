"""Metrics as text: a run's own tables, and several runs side by side as the papers print them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

Rows = Mapping[str, Mapping[str, float]]

_PAPER = {f"top {k}": ("CR", "CF1", "OR", "OF1") for k in (1, 3, 5)}
"""What StickerTAG's Table 1 shows of each cut."""


def metric_lines(rows: Rows) -> Iterator[str]:
    """Lines of a run's tables: a header for each stretch of rows that have the same columns."""
    width = max([12, *(len(name) + 2 for name in rows)])
    for titles, group in groupby(rows.items(), key=lambda row: tuple(row[1])):
        yield " " * width + "".join(f"{title:>{_room(title)}}" for title in titles)
        for name, metrics in group:
            yield f"{name:<{width}}" + "".join(
                f"{metrics[title]:>{_room(title)}.4f}" for title in titles
            )


def comparison(runs: Mapping[str, Rows]) -> Iterator[str]:
    """Lines of a Markdown table with a row for each run, in the papers' layout, in per cent."""
    columns: dict[tuple[str, str], None] = {}
    for rows in runs.values():
        for name, metrics in rows.items():
            shown = _PAPER.get(name, ()) if "top 1" in rows else tuple(metrics)
            columns.update({(name, title): None for title in shown if title in metrics})
    yield "| run | " + " | ".join(f"{name} {title}" for name, title in columns) + " |"
    yield "| --- |" + " ---: |" * len(columns)
    for run, rows in runs.items():
        cells = [_cell(rows.get(name, {}).get(title)) for name, title in columns]
        yield f"| {run} | " + " | ".join(cells) + " |"


def _room(title: str) -> int:
    return max(8, len(title) + 2)


def _cell(value: float | None) -> str:
    # Shares in per cent, as the papers; other figures (a Frechet distance) as they are.
    return "" if value is None else f"{100 * value:.2f}" if 0 <= value <= 1 else f"{value:.2f}"
