"""A sheet's cells as texts, and how much of a file is read at all."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_BYTES = 64 << 20
MOST_UNPACKED, MOST_ELEMENTS = 128 << 20, 2_000_000
MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 100_000, 1_000, 500_000
MOST_MERGED = 10_000
MOST_CHARS = 32_767
"""What a cell of Excel holds."""


@dataclass(frozen=True)
class Fault:
    """What a cell can't be taken for a text for, and the remedy."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell, or why it has none."""

    text: str = ""
    fault: Fault | None = None


class UnreadableError(Exception):
    """A file or sheet that can't be read: what is wrong, and the remedy."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what, self.remedy = what, remedy


@dataclass
class Grid:
    """The cells of a sheet that hold something, by row and column from 0.

    ``numbers`` are the rows' own where they are no rows of a sheet but lines of a text.
    """

    name: str
    rows: dict[int, dict[int, Cell]] = field(default_factory=dict)
    lines: Mapping[int, int] | None = None
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    cells: int = 0

    def put(self, row: int, column: int, cell: Cell) -> None:
        """Add a cell that holds something; UnreadableError where there are too many."""
        if not cell.text and cell.fault is None:
            return
        self.cells += 1
        if row >= MOST_ROWS or column >= MOST_COLUMNS or self.cells > MOST_CELLS:
            raise UnreadableError(
                f"the sheet {self.name!r} goes on to row {row + 1:,}, column "
                f"{letters_of(column)}; at most {MOST_ROWS:,} rows and {MOST_COLUMNS:,} columns "
                f"with {MOST_CELLS:,} filled cells are read",
                "Delete what doesn't belong to it",
            )
        self.rows.setdefault(row, {})[column] = cell

    def where(self, row: int, column: int, name: str) -> str:
        """Where a cell stands, as the program shows it: clusters!F12, or line 12, name."""
        if self.lines is not None:
            return f"line {self.lines[row]}, {name}"
        return f"{self.name}!{letters_of(column)}{row + 1}"

    def merge(self, top: int, left: int, bottom: int, right: int) -> None:
        """Note cells that are merged; UnreadableError where there are too many."""
        if len(self.merged) >= MOST_MERGED:
            raise UnreadableError(
                f"the sheet {self.name!r} has more than {MOST_MERGED:,} merged cells",
                "Unmerge them",
            )
        if (top, left) != (bottom, right):
            self.merged.append((top, left, bottom, right))


def letters_of(column: int) -> str:
    """The letters of a column from 0: A, B, ... Z, AA.

    >>> letters_of(27)
    'AB'
    """
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def tidy(text: str) -> str:
    """Text of a cell as it is kept: stripped, in NFC, line ends as newlines."""
    if text.isascii() and text.isalnum():
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", lines).strip()


def text_cell(text: str) -> Cell:
    """A cell of text, as long as a cell of Excel may be."""
    if len(text) > MOST_CHARS:
        return Cell(fault=Fault(f"the text is longer than {MOST_CHARS:,} characters", "Cut it"))
    return Cell(tidy(text))


def number_text(value: str) -> str:
    """A number as it was meant: 123 and not 123.0; what is none stays as it is."""
    try:
        number = float(value)
        whole = int(number)
    except (ValueError, OverflowError):
        return value
    if number == whole and abs(number) < 1e15:
        return str(whole)
    return repr(number)


def formula_fault(text: str) -> Fault:
    """A formula, whatever it results in."""
    shown = text if text.startswith("=") else f"={text}"
    return Fault(
        f"a formula stands here: {shown[:80]}",
        "Copy the cell and paste it as values (Ctrl+Shift+V), or type the text",
    )


DATE_FAULT = Fault(
    "the spreadsheet program made a date of what was typed",
    "Format the cell as text and type it again",
)
NUMBER_FAULT = Fault(
    "the spreadsheet program made a number of what was typed",
    "Format the cell as text and type it again",
)
