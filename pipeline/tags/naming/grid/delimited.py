"""Tables in .csv and .tsv files, of whatever encoding and separator a program saved them with."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable

from pipeline.tags.naming.grid.cells import Grid, UnreadableError, text_cell

_SEPARATORS = ",;\t"
_TRIED_LINES = 50
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", None),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


def read_delimited(data: bytes, score: Callable[[list[str]], int]) -> tuple[Grid, str | None]:
    """The one table of a file, and its encoding where it is another than UTF-8.

    ``score`` says how much a row looks like the table's headings; the separator with which one
    does most is taken. UnreadableError for what is no text.
    """
    text, encoding = _decode(data)
    start = text.splitlines(keepends=True)[:_TRIED_LINES]

    def best(separator: str) -> int:
        return max((score(row) for row in _lenient("".join(start), separator)), default=0)

    separator = max(_SEPARATORS, key=best)
    grid = Grid("")
    lines: dict[int, int] = {}
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for number, row in enumerate(rows):
            lines[number] = line
            line = rows.line_num + 1
            for column, cell in enumerate(row):
                grid.put(number, column, text_cell(cell))
    except csv.Error as error:
        raise UnreadableError(
            f"what begins in line {line} can't be read as a row ({error})",
            "See that its quotation marks come in pairs, or save the sheet again",
        ) from error
    grid.lines = lines
    return grid, encoding


def _lenient(text: str, separator: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:
        return []


def _decode(data: bytes) -> tuple[str, str | None]:
    tried = [(name, told) for mark, name, told in _MARKS if data.startswith(mark)]
    for name, told in tried or [("utf-8", None), ("gb18030", "GB18030")]:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise UnreadableError("it holds NUL characters: it is no text", "Save it as .xlsx")
        return text, told
    raise UnreadableError(
        "its text is neither UTF-8 nor UTF-16 nor GB18030",
        "Save it as 'CSV UTF-8', or as .xlsx",
    )
