"""Metrics as text: a run's own tables, and several runs side by side as the papers print them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

Rows = Mapping[str, Mapping[str, float]]

_PAPER = {f"top {k}": ("CR", "CF1", "OR", "OF1") for k in (1, 3, 5)}
"""What StickerTAG's Table 1 shows of each cut."""

_NO_SHARES = ("FVD", "loss", "true ")
"""Words of columns that hold distances, losses or counts."""


def metric_lines(rows: Rows) -> Iterator[str]:
    """Lines of a run's tables: a header for each stretch of rows that have the same columns."""
    width = max([12, *(len(name) + 2 for name in rows)])
    for titles, group in groupby(rows.items(), key=lambda row: tuple(row[1])):
        yield " " * width + "".join(f"{title:>{_room(title)}}" for title in titles)
        for name, metrics in group:
            yield f"{name:<{width}}" + "".join(
                f"{metrics[title]:>{_room(title)}.4f}" for title in titles
            )


def comparison(
    runs: Mapping[str, Rows], figures: Mapping[str, Mapping[str, float]] | None = None
) -> Iterator[str]:
    """Lines of a Markdown table with a row for each run, in the papers' layout.

    Single ``figures`` of each run follow its table, but for counts. Shares are in per cent.
    """
    cells = {run: _flatten(rows, (figures or {}).get(run, {})) for run, rows in runs.items()}
    columns = list(dict.fromkeys(name for row in cells.values() for name in row))
    # By column: a distance below 1 is no share.
    shares = {name for name in columns if not any(word in name for word in _NO_SHARES)}
    yield "| run | " + " | ".join(columns) + " |"
    yield "| --- |" + " ---: |" * len(columns)
    for run, row in cells.items():
        shown = [_cell(row.get(name), name in shares) for name in columns]
        yield f"| {run} | " + " | ".join(shown) + " |"


def _flatten(rows: Rows, figures: Mapping[str, float]) -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, metrics in rows.items():
        shown = _PAPER.get(name, ()) if "top 1" in rows else tuple(metrics)
        flat |= {f"{name} {title}": metrics[title] for title in shown}
    return flat | {name: value for name, value in figures.items() if isinstance(value, float)}


def _room(title: str) -> int:
    return max(8, len(title) + 2)


def _cell(value: float | None, share: bool) -> str:
    return "" if value is None else f"{100 * value:.2f}" if share else f"{value:.4g}"
