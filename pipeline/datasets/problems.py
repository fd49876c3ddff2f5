"""What is wrong with one cell of a foreign data set, for its reader to report."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.engine.text import quoted


@dataclass(frozen=True)
class Problem:
    """A cell that can't be taken as it is: file, row from 1, column, its text and the reason.

    ``left_out`` says that the whole row isn't taken for it.
    """

    file: str
    row: int
    column: str
    value: str
    reason: str
    left_out: bool = False

    def __str__(self) -> str:
        return f"{self.file} row {self.row}, {self.column}: {self.value} {self.reason}"


def shown(value: object) -> str:
    """A value of a stranger for a line that says what is wrong with it, however deep it is."""
    try:
        return quoted(value)
    except RecursionError:
        return f"{type(value).__name__} nested too deeply"


def bad_name(name: object) -> str | None:
    """Why a name can't be one file or folder name; None when it can."""
    if not isinstance(name, str) or not name.strip():
        return "is no name"
    if name in {".", ".."} or any(mark in name for mark in "/\\\0") or not name.isprintable():
        return "is no plain name: it could lead out of the data set's folder"
    return None
