"""Frames of a data set, decoded once, kept as small JPEGs in one memory-mapped file.

Decoding a GIF of a stranger's size at every access would starve the model; a JPEG of the model's
own size takes a millisecond, and forked workers share the file's pages.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.datasets.layout import Row
from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.caching import cache_folder
from pipeline.engine.errors import StickerworksError
from pipeline.training.arrays import Images
from pipeline.training.frames import (
    UNREADABLE,
    Pick,
    decode_frames,
    from_jpegs,
    tell_unreadable,
    to_jpeg,
)

_VERSION = 2
_CHUNK = 32
# Below this a pool of processes takes longer to start than the work.
_POOL_ROWS = 256
_KEEP_BYTES = 256 * 2**20
_SCHEMA = pa.schema(
    [("frames", pa.list_(pa.binary())), ("length", pa.int32()), ("problem", pa.string())]
)
_Prepared = tuple[list[bytes], int, str | None]


class Frames:
    """Picked frames of rows: ``frames[n]`` is a uint8 array (F, side, side, 3).

    Small sets are kept decoded after their first use; others are decoded at each access.
    """

    def __init__(
        self, column: pa.ChunkedArray, rows: Sequence[int], side: int, digest: str
    ) -> None:
        self._column = column
        self._rows = np.asarray(rows, np.int64)
        self.side = side
        self.digest = digest
        """Digest of the bytes that all these frames, and those of rows not taken, come from."""
        lengths = pc.list_value_length(column).to_numpy().astype(np.int64)
        self.counts = lengths[self._rows]
        """Frames that each row gives."""
        small = int(self.counts.sum()) * side * side * 3 <= _KEEP_BYTES
        self._kept: dict[int, Images] | None = {} if small else None

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Images:
        if self._kept is not None and row in self._kept:
            return self._kept[row]
        jpegs = self._column[int(self._rows[row])].values
        frames = from_jpegs([memoryview(jpegs[n].as_buffer()) for n in range(len(jpegs))])
        if self._kept is not None:
            self._kept[row] = frames
        return frames

    def only(self, rows: Sequence[int]) -> Frames:
        """The frames of some of these rows."""
        return Frames(self._column, self._rows[list(rows)].tolist(), self.side, self.digest)


def read_files(
    files: Sequence[bytes], side: int, pick: Pick
) -> tuple[Frames, tuple[int, ...], list[str | None]]:
    """Frames of files as a data set's are read, lengths of the animations, and problems."""
    frames, lengths, problems = zip(
        *(prepare_row(data, None, side, pick) for data in files), strict=True
    )
    column = pa.chunked_array([pa.array(frames, pa.list_(pa.binary()))])
    return Frames(column, range(len(files)), side, ""), lengths, list(problems)


def prepare_frames(
    rows: Callable[[], Iterable[Row]], digest: str, side: int, pick: Pick
) -> pa.Table:
    """Frames, length of the file's animation and problem of every row, from the cache or anew.

    ``digest`` is that of the rows' bytes. Raises StickerworksError when decoding kills a process.
    """
    key = hashlib.sha256(f"{_VERSION} {digest} {side} {pick.name}".encode()).hexdigest()
    path = cache_folder("frames") / f"{key[:32]}.arrow"
    if not path.exists():
        with atomic_file(path) as temporary:
            _write(temporary, _prepare(rows(), side, pick))
    try:
        return _open(path)
    except pa.ArrowInvalid:
        # A power cut may leave half of what was written whole.
        path.unlink()
        return prepare_frames(rows, digest, side, pick)


def _open(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def prepare_row(data: bytes | None, problem: str | None, side: int, pick: Pick) -> _Prepared:
    """One row's picked frames as JPEG, its file's frames, and why there are none."""
    if data is None:
        return [], 0, problem or "there are no bytes"
    try:
        frames, length = decode_frames(data, pick, side)
    except UNREADABLE as error:
        return [], 0, tell_unreadable(error)[:200]
    return [to_jpeg(frame) for frame in frames], length, None


def _write(path: Path, prepared: Iterator[list[_Prepared]]) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
        for chunk in prepared:
            frames, lengths, problems = zip(*chunk, strict=True)
            writer.write_batch(pa.record_batch([frames, lengths, problems], schema=_SCHEMA))


def _prepare(rows: Iterable[Row], side: int, pick: Pick) -> Iterator[list[_Prepared]]:
    chunks = _chunks(rows)
    ahead = list(islice(chunks, _POOL_ROWS // _CHUNK))
    if len(ahead) < _POOL_ROWS // _CHUNK:
        for chunk in ahead:
            yield _prepare_chunk(chunk, side, pick)
        return
    processes = os.cpu_count() or 1
    # Ctrl-C is for us alone: a worker that it hits between two locks would hang all others.
    with ProcessPoolExecutor(
        processes,
        mp_context=get_context("fork"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as pool:
        # Few at a time: a million stickers must not wait in memory.
        waiting: list[Future[list[_Prepared]]] = []
        try:
            for chunk in _chain(ahead, chunks):
                waiting.append(pool.submit(_prepare_chunk, chunk, side, pick))
                if len(waiting) > 2 * processes:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()
        except (BrokenProcessPool, MemoryError) as error:
            raise StickerworksError(
                "A process died while it decoded stickers (out of memory, or a decoder crashed).",
                "Free memory and run the same command again; `stickerworks filter` quarantines "
                "files that crash their decoder.",
            ) from error


def _prepare_chunk(
    chunk: list[tuple[bytes | None, str | None]], side: int, pick: Pick
) -> list[_Prepared]:
    return [prepare_row(data, problem, side, pick) for data, problem in chunk]


def _chunks(rows: Iterable[Row]) -> Iterator[list[tuple[bytes | None, str | None]]]:
    pairs = ((row.data, row.problem) for row in rows)
    while chunk := list(islice(pairs, _CHUNK)):
        yield chunk


def _chain(first: list[Any], rest: Iterator[Any]) -> Iterator[Any]:
    yield from first
    yield from rest
