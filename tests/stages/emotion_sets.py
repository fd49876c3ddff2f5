"""SER30K's and MET-MEME's files as they are published, written for tests."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.datasets.met_meme import DETAILS, EMOTIONS, MetMemeRow
from pipeline.datasets.ser30k import Ser30kRow

SPLITS = ("train", "val", "test")


def write_ser30k(root: Path, splits: Mapping[str, Sequence[Ser30kRow]]) -> None:
    """Annotations of each split and of all below ``root``."""
    files = {f"image-level/{split}": splits.get(split, ()) for split in SPLITS}
    files["all_annos"] = [row for rows in files.values() for row in rows]
    for name, rows in files.items():
        annotations = [
            {"topic": row.topic, "file_name": row.file_name, "text": row.text,
             **dict(zip(("anno1", "anno2", "anno3"), row.votes, strict=True)), "anno": row.label}
            for row in rows
        ]  # fmt: skip
        path = root / "Annotations" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"annotations": annotations}), encoding="utf-8")


def write_met_meme(
    labels: Path, rows: Sequence[MetMemeRow], words: Path, texts: Mapping[str, str]
) -> None:
    """Labels in one CSV and texts by file name in another, in GB18030."""
    emotions = [f"{row.emotion}({EMOTIONS[row.emotion]})" for row in rows]
    cells = [[row.file_name, cell, *row.details] for row, cell in zip(rows, emotions, strict=True)]
    tables = {labels: [["file_name", "sentiment category", *DETAILS], *cells],
              words: [["file_name", "text"], *texts.items()]}  # fmt: skip
    for path, table in tables.items():
        with path.open("w", encoding="gb18030", newline="") as file:
            csv.writer(file).writerows(table)
