"""MET-MEME's layout: CSV in GB18030, one file of labels and one of texts."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets.problems import Problem, bad_name, shown
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular

EMOTIONS = {
    1: "happiness",
    2: "love",
    3: "anger",
    4: "sorrow",
    5: "fear",
    6: "hate",
    7: "surprise",
}
"""Labels; a model's class is the label less one."""

DETAILS = (
    "sentiment degree",
    "intention detection",
    "offensiveness detection",
    "metaphor occurrence",
    "metaphor category",
    "target domain",
    "source domain",
    "target modality",
    "source modality",
)
"""Columns that are kept as they stand."""

_NAME, _LABEL, _TEXT = "file_name", "sentiment category", "text"

COLUMNS, TEXT_COLUMNS = (_NAME, _LABEL, *DETAILS), (_NAME, _TEXT)
"""Headers of a file of labels and of one of texts."""

_MOST_BYTES = 2**28  # of a file; the published ones have a few megabytes
_CELL = re.compile(r"([0-9]+)\s*(?:\(([^()]*)\)?)?")


@dataclass(frozen=True)
class MetMemeRow:
    """One meme: file name, emotion (1 to 7) and the other columns in the order of ``DETAILS``."""

    file_name: str
    emotion: int
    details: tuple[str, ...] = ("",) * len(DETAILS)

    @property
    def cells(self) -> dict[str, str]:
        """The row as its label file has it."""
        emotion = f"{self.emotion}({EMOTIONS[self.emotion]})"
        details = dict(zip(DETAILS, self.details, strict=True))
        return {_NAME: self.file_name, _LABEL: emotion, **details}


@dataclass(frozen=True)
class MetMeme:
    """Rows of a label file, what is wrong with others, and texts by file name."""

    rows: tuple[MetMemeRow, ...]
    problems: tuple[Problem, ...]
    texts: Mapping[str, str]


def read_met_meme(labels: Path, texts: Path | None = None) -> MetMeme:
    """Rows of a label file (``label_E.csv``) and texts of a text file (``E_text.csv``).

    A row without a plain file name or a known emotion is left out and named in ``problems``, as
    is a meme's second row; bytes that aren't GB18030 are replaced and named. Rows count records,
    the header being row 1. Raises StickerworksError when a file or a column is missing.
    """
    problems: list[Problem] = []
    rows: dict[str, MetMemeRow] = {}
    for number, cells in _records(labels, (_NAME, _LABEL), problems):
        name = _name(labels, number, cells, rows, problems, left_out=True)
        emotion = parse_emotion(cells[_LABEL])
        if isinstance(emotion, str):
            cell = shown(cells[_LABEL])
            problems.append(Problem(labels.name, number, _LABEL, cell, emotion, True))
        elif name is not None:
            details = tuple(cells.get(column, "") for column in DETAILS)
            rows[name] = MetMemeRow(name, emotion, details)
    found: dict[str, str] = {}
    if texts is not None:
        for number, cells in _records(texts, (_NAME, _TEXT), problems):
            name = _name(texts, number, cells, found, problems)
            if name is not None:
                found[name] = cells[_TEXT]
    return MetMeme(tuple(rows.values()), tuple(problems), found)


def parse_emotion(cell: str) -> int | str:
    """The emotion of a cell such as ``4(sorrow)`` or ``4``, or why there is none.

    Full-width marks, spaces, case and a missing last bracket don't matter; a number and a name
    that disagree do.
    """
    text = unicodedata.normalize("NFKC", cell).strip()
    if not text:
        return "is empty"
    match = _CELL.fullmatch(text)
    if match is None:
        return "is not like 4(sorrow)"
    digits, name = match.groups()
    number = int(digits) if len(digits) == 1 else 0
    if number not in EMOTIONS:
        return "has a number that is not from 1 to 7"
    if name is not None and name.strip().casefold() != EMOTIONS[number]:
        return f"has a name that is not {number}'s: {EMOTIONS[number]}"
    return number


def _records(
    path: Path, needed: tuple[str, ...], problems: list[Problem]
) -> list[tuple[int, dict[str, str]]]:
    """Numbered rows as cells by column; columns without a name and empty rows are skipped."""
    remedy = "Give the CSV files as MET-MEME publishes them, in GB18030."
    try:
        text = read_regular(path, _MOST_BYTES).decode("gb18030", errors="replace")
        table = list(csv.reader(io.StringIO(text, newline="")))
    except FileNotFoundError as error:
        raise StickerworksError(f"There is no MET-MEME file {path}.", remedy) from error
    except (OSError, csv.Error) as error:
        raise StickerworksError(f"{path} can't be read as CSV: {error}.", remedy) from error
    header = [name.strip().lstrip("\ufeff") for name in table[0]] if table else []
    missing = [name for name in needed if name not in header]
    if missing:
        raise StickerworksError(f"{path} has no column {' and '.join(missing)}.", remedy)
    records = []
    for number, line in enumerate(table[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        padded = line + [""] * (len(header) - len(line))
        cells = {name: cell for name, cell in zip(header, padded, strict=False) if name}
        for name, cell in cells.items():
            if "\ufffd" in cell:
                problems.append(Problem(path.name, number, name, shown(cell), "is not GB18030"))
        records.append((number, cells))
    return records


def _name(
    path: Path,
    number: int,
    cells: dict[str, str],
    seen: Mapping[str, object],
    problems: list[Problem],
    left_out: bool = False,
) -> str | None:
    name = cells[_NAME].strip()
    reason = bad_name(name) or ("stood in an earlier row" if name in seen else None)
    if reason is None:
        return name
    cell = shown(cells[_NAME])
    problems.append(Problem(path.name, number, _NAME, cell, reason, left_out))
    return None
