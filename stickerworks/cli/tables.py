"""Metrics as text: a run's own tables, and several runs side by side as the papers print them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from pipeline.engine.figures import is_share

Rows = Mapping[str, Mapping[str, float]]

_PAPER = {f"top {k}": ("CR", "CF1", "OR", "OF1") for k in (1, 3, 5)}
"""What StickerTAG's Table 1 shows of each cut."""

_PER_CENT = "in per cent"


def metric_lines(rows: Rows) -> Iterator[str]:
    """Lines of a run's tables: a header for each stretch of rows that have the same columns.

    Shares are in per cent, and the header says so.
    """
    width = max([12, *(len(name) + 2 for name in rows)])
    for titles, group in groupby(rows.items(), key=lambda row: tuple(row[1])):
        named = list(group)
        # With the row's name, which tells counts from shares.
        shares = {
            title
            for title in titles
            if all(is_share(f"{name} {title}", [metrics[title]]) for name, metrics in named)
        }
        corner, heads = _header(titles, shares)
        yield f"{corner:<{width}}" + "".join(f"{head:>{_room(head)}}" for head in heads)
        for name, metrics in named:
            yield f"{name:<{width}}" + "".join(
                f"{_cell(metrics[title], title in shares):>{_room(head)}}"
                for title, head in zip(titles, heads, strict=True)
            )


def comparison(
    runs: Mapping[str, Rows], figures: Mapping[str, Mapping[str, float]] | None = None
) -> Iterator[str]:
    """Lines of a Markdown table with a row for each run, in the papers' layout.

    Single ``figures`` of each run follow its table, but for counts. Shares are in per cent, and
    the header says so.
    """
    cells = {run: _flatten(rows, (figures or {}).get(run, {})) for run, rows in runs.items()}
    columns = list(dict.fromkeys(name for row in cells.values() for name in row))
    # By column: a distance below 1 is no share.
    shares = {
        name
        for name in columns
        if is_share(name, [row[name] for row in cells.values() if name in row])
    }
    corner, heads = _header(columns, shares)
    yield f"| {', '.join(filter(None, ('run', corner)))} | " + " | ".join(heads) + " |"
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


def _header(columns: Sequence[str], shares: set[str]) -> tuple[str, list[str]]:
    """The unit of all columns, or none and each column's own behind its name."""
    if shares == {*columns}:
        return _PER_CENT, list(columns)
    return "", [f"{name} %" if name in shares else name for name in columns]


def _room(head: str) -> int:
    return max(8, len(head) + 2)


def _cell(value: float | None, share: bool) -> str:
    return "" if value is None else f"{100 * value:.2f}" if share else f"{value:.4g}"
