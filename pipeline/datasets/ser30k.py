"""SER30K's layout: ``Images/<topic>/<file>`` and annotations as JSON, one file a split."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.datasets.problems import Problem, bad_name, shown
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular

Split = Literal["train", "val", "test"]

EMOTIONS = {
    1: "anger",
    2: "disgust",
    3: "fear",
    4: "happiness",
    5: "neutral",
    6: "sadness",
    7: "surprise",
}
"""Labels; a model's class is the label less one. The files don't name them: this is the
alphabetical order in which the papers list them."""

LABELS = range(1, 8)

FULL, VIEWED = "Annotations", "Annotations_mg"
"""Folders of annotations: as published, and with the MGHFT authors' descriptions as texts."""

EVERY = "all_annos.json"
"""The file of all splits in such a folder."""

VOTES = ("anno1", "anno2", "anno3")
"""Keys of a row's three votes."""

_MOST_BYTES = 2**28  # of a file; the published ones have a few megabytes
_NAMES = ("topic", "file_name")
_SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Ser30kRow:
    """One sticker: its pack's topic, file name, text on it, three votes and the label, 1 to 7.

    A vote is None where the file has none that can be read.
    """

    topic: str
    file_name: str
    text: str
    votes: tuple[int | None, int | None, int | None]
    label: int

    @property
    def cells(self) -> dict[str, str | int | None]:
        """The row as its annotation file has it."""
        votes = dict(zip(VOTES, self.votes, strict=True))
        own = {"topic": self.topic, "file_name": self.file_name, "text": self.text}
        return {**own, **votes, "anno": self.label}

    @property
    def image(self) -> str:
        """Path of its image below the data set's folder."""
        return f"Images/{self.topic}/{self.file_name}"


@dataclass(frozen=True)
class Ser30k:
    """Rows of one annotation file and what is wrong with others (or with parts of these)."""

    rows: tuple[Ser30kRow, ...]
    problems: tuple[Problem, ...]


def read_ser30k(root: Path, split: Split | Literal["all"] = "all", folder: str = FULL) -> Ser30k:
    """Rows of a split of the data set at ``root``, in the order of its file in ``folder``.

    A row without a plain topic and file name or a label from 1 to 7 is left out; other bad cells
    are None or empty. Both are named in ``problems``. Raises StickerworksError when the file
    can't be read or isn't ``{"annotations": [...]}``.
    """
    path = root / folder / (EVERY if split == "all" else split_file(split))
    return _read(path, enumerate(_annotations(path), start=1))


def read_parts(root: Path) -> Iterator[tuple[Split | None, Ser30k]]:
    """All rows of the data set: those of each split, then those that stand in no split's file."""
    in_splits: set[str] = set()
    for split in _SPLITS:
        path = root / FULL / split_file(split)
        if path.is_file():
            annotations = _annotations(path)
            in_splits.update(map(_identity, annotations))
            yield split, _read(path, enumerate(annotations, start=1))
    path = root / FULL / EVERY
    if path.is_file() or not in_splits:
        numbered = enumerate(_annotations(path), start=1)
        yield None, _read(path, (row for row in numbered if _identity(row[1]) not in in_splits))


def _identity(cells: Any) -> str:
    """What tells an annotation from others, whatever it is."""
    own = [cells.get(name) for name in _NAMES] if isinstance(cells, dict) else cells
    try:
        return json.dumps(own)
    except RecursionError:
        return shown(own)  # no name is that


def _read(path: Path, annotations: Iterable[tuple[int, Any]]) -> Ser30k:
    rows: list[Ser30kRow] = []
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    for number, cells in annotations:
        row = _row(cells, number, path.name, problems)
        if row is None:
            continue
        if (row.topic, row.file_name) in seen:
            reason = "stood in an earlier row"
            problems.append(Problem(path.name, number, "file_name", shown(row.image), reason, True))
            continue
        seen.add((row.topic, row.file_name))
        rows.append(row)
    return Ser30k(tuple(rows), tuple(problems))


def split_file(split: Split) -> str:
    """A split's file in such a folder."""
    return f"image-level/{split}.json"


def _annotations(path: Path) -> list[Any]:
    remedy = "Give the folder that holds Images and Annotations, as SER30K is published."
    try:
        content = json.loads(read_regular(path, _MOST_BYTES).decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise StickerworksError(f"There is no SER30K file {path}.", remedy) from error
    except (OSError, ValueError, RecursionError) as error:
        raise StickerworksError(f"{path} can't be read as JSON: {error}.", remedy) from error
    rows = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise StickerworksError(f'{path} holds no list called "annotations".', remedy)
    return rows


def _row(cells: Any, number: int, file: str, problems: list[Problem]) -> Ser30kRow | None:
    if not isinstance(cells, dict):
        problems.append(Problem(file, number, "row", shown(cells), "is no object", True))
        return None
    found: list[Problem] = []

    def report(column: str, reason: str, left_out: bool = False) -> None:
        value = shown(cells.get(column))
        found.append(Problem(file, number, column, value, reason, left_out))

    for column in _NAMES:
        reason = bad_name(cells.get(column))
        if reason is not None:
            report(column, reason, True)
    label = parse_label(cells.get("anno"))
    if label is None:
        report("anno", "is no label from 1 to 7", True)
    usable = not found
    votes = tuple(parse_label(cells.get(column)) for column in VOTES)
    for column, vote in zip(VOTES, votes, strict=True):
        if vote is None:
            report(column, "is no label from 1 to 7; taken as no vote")
    text = cells.get("text", "")
    if not isinstance(text, str):
        report("text", "is no text; taken as empty")
        text = ""
    problems.extend(found)
    if not usable or label is None:
        return None
    first, second, third = votes
    return Ser30kRow(cells["topic"], cells["file_name"], text, (first, second, third), label)


def parse_label(value: Any) -> int | None:
    """The label that a cell gives as a number or a digit; None where it is none."""
    if isinstance(value, str) and len(value) == 1 and value in "1234567":
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in LABELS:
        return None
    return value
