"""Which row of a sheet holds its headings, and which column is which, wherever they stand."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.tags.naming.grid.cells import Grid
from pipeline.tags.naming.rows import COLUMNS, Problem

READ = (*COLUMNS, "exemplars")
"""Columns that are read: those of a naming, and what was shown of each proposal."""

PURPOSES = {
    "key": "which cluster or tag a row is about",
    "decision": "keep, merge, drop or block",
    "name": "what a tag is called",
    "version": "which clusters the sheet was made from",
}
"""The columns that a sheet can't be without, and what each is for."""

_ALSO = {"englishname": "english", "mergeinto": "into", "notes": "note", "alias": "aliases"}
_SHOWN = {
    "stickers", "suggestedname", "suggestedenglish", "terms", "exemplars", "keywordcount",
    "stickercount", "flags",
}  # fmt: skip
_FIRST_ROWS = 200


@dataclass(frozen=True)
class Headings:
    """The row of the headings, and where each column that is read stands; ``twice`` has those
    that stand in several places."""

    row: int
    columns: Mapping[str, int]
    twice: Mapping[str, tuple[int, ...]]


def find_headings(grid: Grid) -> Headings | None:
    """The row with the most known headings, two or more; None where there is none."""
    rows = [row for row in sorted(grid.rows) if row < _FIRST_ROWS]
    best = max(rows, key=lambda row: len(_places(grid, row)), default=None)
    if best is None or len(places := _places(grid, best)) < 2:
        return None
    return Headings(
        best,
        {name: found[0] for name, found in places.items()},
        {name: tuple(found) for name, found in places.items() if len(found) > 1},
    )


def count_headings(texts: list[str]) -> int:
    """How many of the texts are headings of columns that are read."""
    return len({name for name in map(_column_name, texts) if name})


def is_shown_heading(text: str) -> bool:
    """Whether a text is the heading of a column that is there for people alone."""
    return len(text) <= 40 and _plain(text) in _SHOWN


def heading_problems(grid: Grid, headings: Headings) -> Iterator[Problem]:
    """Columns that stand twice, and cells that are merged in columns that are read."""
    for name, places in headings.twice.items():
        first, *others = (grid.where(headings.row, place, name) for place in places)
        yield Problem(
            ", ".join(others),
            f"the column {name} stands here again, after {first}",
            "Keep the one that was filled in and delete the other",
        )
    last = max(grid.rows)
    read = set(headings.columns.values())
    for top, left, bottom, right in grid.merged:
        columns = [column for column in sorted(read) if left <= column <= right]
        if columns and bottom > headings.row and top <= last:
            corners = (grid.where(top, left, ""), grid.where(bottom, right, ""))
            yield Problem(
                f"{corners[0]}:{corners[1].rpartition('!')[2]}",
                "these cells are merged",
                "Unmerge them and fill in each row",
            )


def _places(grid: Grid, row: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for column, cell in sorted(grid.rows[row].items()):
        name = _column_name(cell.text)
        if name:
            found.setdefault(name, []).append(column)
    return found


def _column_name(text: str) -> str:
    if len(text) > 40:
        return ""
    plain = _plain(text)
    name = _ALSO.get(plain, plain)
    return name if name in READ else ""


def _plain(text: str) -> str:
    return re.sub(r"[\s_\-:*]", "", unicodedata.normalize("NFKC", text).casefold())
