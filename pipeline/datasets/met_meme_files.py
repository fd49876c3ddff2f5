"""Writes MET-MEME's layout, as ``met_meme.py`` and ``emotion_layouts.py`` read it."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from pipeline.datasets.met_meme import COLUMNS, EMOTIONS, TEXT_COLUMNS, MetMemeRow

Language = Literal["E", "C"]
"""English or Chinese memes, as the files' names say it."""


class MetMemeWriter:
    """Writes images, labels and texts below ``root``, a row at a time, in GB18030.

    Names must be plain (see ``bad_name``).
    """

    def __init__(self, root: Path, language: Language = "E") -> None:
        self._root, self._language = root, language
        self._open = ExitStack()
        self._labels: Any = None
        self._texts: Any = None

    def __enter__(self) -> MetMemeWriter:
        self._images.mkdir(parents=True)
        with ExitStack() as opened:
            self._labels = self._table(opened, f"label_{self._language}.csv", COLUMNS)
            self._texts = self._table(opened, f"{self._language}_text.csv", TEXT_COLUMNS)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def add(self, row: MetMemeRow, text: str, image: bytes) -> str:
        """Write a row, its text (an empty one is no row) and its image; return the image's path."""
        label = f"{row.emotion}({EMOTIONS[row.emotion]})"
        self._labels.writerow([row.file_name, label, *row.details])
        if text:
            self._texts.writerow([row.file_name, text])
        (self._images / row.file_name).write_bytes(image)
        return f"{self._images.name}/{row.file_name}"

    @property
    def _images(self) -> Path:
        return self._root / f"{self._language}images"

    def _table(self, opened: ExitStack, name: str, header: tuple[str, ...]) -> Any:
        path = self._root / name
        file = opened.enter_context(path.open("w", encoding="gb18030", newline=""))
        table = csv.writer(file)
        table.writerow(header)
        return table
