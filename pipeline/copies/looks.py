"""Measured stickers of several collections, kept in files while copies are looked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.copies.codes import CODE_COLUMNS
from schemas.tables import FRAMES, SIGNALS

_SIGNALS = [*dict.fromkeys([*CODE_COLUMNS, "duration_ms", "min_side", "motion"])]
_FRAMES = ["key_frames"]
_PART_ROWS = 5_000
"""Of files as of memory there is little: parts of 100 MB are read one at a time."""


class Looks:
    """What ``engine.decoding.measured.measure`` gives of stickers, side after side.

    A *side* is a collection: a split, a sample, a workspace. Sides are added in ascending order;
    stickers are numbered from 0 in the order in which they are added. The folder is the caller's
    (a temporary one): about 10 KB a still and 20 KB an animation lie there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sizes: dict[int, int] = {}
        self._sides: list[int] = []
        self._added: list[int] = []
        self._open: dict[str, Any] = {}
        self._texts: list[pa.Array] = []

    def add(
        self,
        side: int,
        signals: pa.Table,
        key_frames: pa.Array | pa.ChunkedArray,
        texts: pa.Array | pa.ChunkedArray,
    ) -> None:
        """Take stickers: their columns of ``signals``, key frames as in ``frames``, text read.

        Those that could not be measured have nulls, keep their number and are a copy of nothing.
        Raises ValueError where ``side`` is lower than one before it.
        """
        if self._sides and side < self._sides[-1]:
            raise ValueError(f"side {side} comes after {self._sides[-1]}")
        self._sides.append(side)
        self._added.append(len(signals))
        self._texts.append(_whole(texts).cast(pa.string()))
        part = self._part()
        self.sizes[part] += len(signals)
        schema = pa.schema([SIGNALS.schema.field(name) for name in _SIGNALS])
        columns = [signals[name] for name in _SIGNALS]
        self._write("signals", part, pa.table(columns, schema=schema))
        frames = pa.schema([FRAMES.schema.field(name) for name in _FRAMES])
        self._write("frames", part, pa.table([_whole(key_frames)], schema=frames))

    def read(self, table: str, part: int, columns: list[str]) -> pa.Table:
        """Columns of a part, as a workspace's reader gives them."""
        self._close()
        with pa.memory_map(str(self._path(table, part))) as file:
            return pa.ipc.open_file(file).read_all().select(columns)

    @property
    def sides(self) -> npt.NDArray[np.int64]:
        """Side of each sticker."""
        return np.repeat(np.array(self._sides, np.int64), np.array(self._added, np.int64))

    @property
    def texts(self) -> pa.Array:
        """Text read on each sticker; null where nothing was."""
        return pa.concat_arrays([pa.array([], pa.string()), *self._texts])

    def _part(self) -> int:
        """The part that is written to."""
        part = len(self.sizes) - 1
        if not self._open or self.sizes[part] >= _PART_ROWS:
            self._close()
            part += 1
            self.sizes[part] = 0
        return part

    def _write(self, table: str, part: int, rows: pa.Table) -> None:
        if table not in self._open:
            self._open[table] = pa.ipc.new_file(str(self._path(table, part)), rows.schema)
        self._open[table].write_table(rows)

    def _close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def _path(self, table: str, part: int) -> Path:
        return self._folder / f"{table}-{part:06d}.arrow"


def measured_table(rows: list[Mapping[str, object]]) -> pa.Table:
    """Rows of ``measure(...).signals`` as a table for ``Looks.add``; what is missing is null."""
    schema = pa.schema([SIGNALS.schema.field(name).with_nullable(True) for name in _SIGNALS])
    return pa.Table.from_pylist([{n: row.get(n) for n in _SIGNALS} for row in rows], schema=schema)


def key_frame_column(rows: list[list[dict[str, object]] | None]) -> pa.Array:
    """Key frames of ``measure(...)`` as a column for ``Looks.add``."""
    return pa.array(rows, FRAMES.schema.field("key_frames").type)


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
