"""What a file lost on its way to us without a word: headings of columns, and characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.engine.text import quoted
from pipeline.tags.naming.grid.cells import Grid
from pipeline.tags.naming.headings import Headings, is_shown_heading
from pipeline.tags.naming.rows import NamingRow, Problem

_TEXTS = ("decision", "name", "english", "group", "into", "note")
_LISTS = ("aliases", "keywords", "words")


def is_added(headings: Headings) -> bool:
    """Whether a table is one of tags added by hand: no keys, but what names take."""
    columns = headings.columns
    return (
        "key" not in columns and "name" in columns and ("keywords" in columns or "words" in columns)
    )


def unread_tables(grids: Sequence[Grid], found: Sequence[Headings | None]) -> Iterator[Problem]:
    """Tables that look like ours and would be passed over, as a heading isn't what it was."""
    for grid, headings in zip(grids, found, strict=True):
        if headings is None:
            looks = grid.name.strip().casefold() == "added" and len(grid.rows) > 1
        else:
            looks = "key" not in headings.columns and not is_added(headings)
            looks = looks and any(row > headings.row for row in grid.rows)
        if looks:
            known = "" if headings is None else f" beside {', '.join(headings.columns)}"
            yield Problem(
                grid.name or "the table",
                "nothing in it would be read: it has no columns name and keywords (or words)"
                f"{known}",
                "Call them so again, or delete the sheet if it isn't about tags",
            )


def renamed_columns(grid: Grid, headings: Headings) -> Iterator[Problem]:
    """Columns with something in them and an unknown heading, where one of ours isn't found."""
    ours = {*_TEXTS, *_LISTS} - {"decision", "name"}
    if is_added(headings):
        ours -= {"into"}
    elif not {"keywords", "words"} & set(headings.columns):
        ours -= {"keywords", "words"}
    missing = [name for name in (*_TEXTS, *_LISTS) if name in ours - set(headings.columns)]
    if not missing:
        return
    places = [
        *headings.columns.values(),
        *(place for some in headings.twice.values() for place in some),
    ]
    # Beside ours are columns of people's own, unless nearly all of ours are there.
    beside = int(2 * len(missing) < len(ours))
    heads = grid.rows[headings.row]
    shown = {column for column, cell in heads.items() if is_shown_heading(cell.text)}
    filled = {column for row, cells in grid.rows.items() if row > headings.row for column in cells}
    for column in sorted(filled - shown - set(places)):
        if min(places) < column < max(places) or column - beside in places:
            cell = heads.get(column)
            called = "has no heading" if cell is None else f"is called {quoted(cell.text)}"
            yield Problem(
                grid.where(headings.row, column, "headings"),
                f"the column {called}, and there is none called {' or '.join(missing)}",
                "Call it what it was on the sheet as written; if it is your own, move it behind "
                "the last column",
            )


def lost_characters(
    grids: Sequence[Grid], encoding: str | None, rows: Sequence[NamingRow]
) -> Iterator[Problem]:
    """Cells with a question mark, in a file of an encoding that puts one for what it can't say."""
    texts = [cell.text for grid in grids for cells in grid.rows.values() for cell in cells.values()]
    is_lost = all(map(str.isascii, texts)) and any("??" in text for text in texts)
    if encoding != "GB18030" and not is_lost:
        return
    for row in rows:
        told = [(column, getattr(row, column)) for column in _TEXTS]
        told += [(column, " ".join(getattr(row, column))) for column in _LISTS]
        for column, text in told:
            if "?" in text:
                yield Problem(
                    row.where(column),
                    f"{quoted(text)} has a question mark where characters may have been lost when "
                    "the file was saved",
                    "Save it once more from the program in which all is still there, as CSV UTF-8, "
                    ".xlsx or .ods",
                )
