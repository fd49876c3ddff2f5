"""Writes SER30K's layout, as ``ser30k.py`` and ``emotion_layouts.py`` read it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

from pipeline.datasets.emotion_layouts import join_views
from pipeline.datasets.ser30k import EVERY, FULL, VIEWED, Ser30kRow, Split, split_file

_SPLITS: tuple[Split, ...] = ("train", "val", "test")


class Ser30kWriter:
    """Writes images and both folders of annotations below ``root``, a row at a time.

    Rows keep their order. ``Annotations_mg`` is there only where some row has views. Names must
    be plain (see ``bad_name``).
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._viewed = 0
        self._files: dict[tuple[str, str], _List] = {}
        self._open = ExitStack()

    def __enter__(self) -> Ser30kWriter:
        with ExitStack() as opened:
            for folder in (FULL, VIEWED):
                for name in (EVERY, *map(split_file, _SPLITS)):
                    path = self._root / folder / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    file = opened.enter_context(path.open("w", encoding="utf-8"))
                    self._files[folder, name] = _List(file)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._open:
            if error is None:
                for file in self._files.values():
                    file.end()
        if not self._viewed:
            shutil.rmtree(self._root / VIEWED)

    def add(self, row: Ser30kRow, split: Split, image: bytes, views: Mapping[str, str]) -> None:
        """Write a row, its image, and its views by column of a release."""
        path = self._root / row.image
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
        self._viewed += bool(views)
        for folder, text in ((FULL, row.text), (VIEWED, join_views(views))):
            for name in (EVERY, split_file(split)):
                self._files[folder, name].add({**row.cells, "text": text})


class _List:
    """``{"annotations": [...]}``, written as its entries come."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._before = '{"annotations": [\n'

    def add(self, entry: Mapping[str, object]) -> None:
        self._file.write(self._before + json.dumps(entry, ensure_ascii=False))
        self._before = ",\n"

    def end(self) -> None:
        self._file.write("\n]}\n" if self._before == ",\n" else self._before + "]}\n")
