"""SER30K's layout: ``Images/<topic>/<file>`` and annotations as JSON, one file a split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.datasets.problems import Problem, bad_name, shown
from pipeline.engine.errors import StickerworksError

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

_EVERY = "all_annos.json"
_VOTES = ("anno1", "anno2", "anno3")


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
    path = root / folder / _file(split)
    rows: list[Ser30kRow] = []
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    for number, cells in enumerate(_annotations(path), start=1):
        row = _row(cells, number, path.name, problems)
        if row is None:
            continue
        if (row.topic, row.file_name) in seen:
            reason = "stood in an earlier row"
            problems.append(Problem(path.name, number, "file_name", shown(row.image), reason))
            continue
        seen.add((row.topic, row.file_name))
        rows.append(row)
    return Ser30k(tuple(rows), tuple(problems))


def _file(split: Split | Literal["all"]) -> str:
    return _EVERY if split == "all" else f"image-level/{split}.json"


def _annotations(path: Path) -> list[Any]:
    remedy = "Give the folder that holds Images and Annotations, as SER30K is published."
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
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
        problems.append(Problem(file, number, "row", shown(cells), "is no object"))
        return None
    found: list[Problem] = []

    def report(column: str, reason: str) -> None:
        found.append(Problem(file, number, column, shown(cells.get(column)), reason))

    for column in ("topic", "file_name"):
        reason = bad_name(cells.get(column))
        if reason is not None:
            report(column, reason)
    label = _label(cells.get("anno"))
    if label is None:
        report("anno", "is no label from 1 to 7")
    usable = not found
    votes = tuple(_label(cells.get(column)) for column in _VOTES)
    for column, vote in zip(_VOTES, votes, strict=True):
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


def _label(value: Any) -> int | None:
    if isinstance(value, str) and len(value) == 1 and value in "1234567":
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in LABELS:
        return None
    return value
