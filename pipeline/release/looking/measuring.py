"""Measures the files of a release again, in processes that a hostile file may kill."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
from pebble import ProcessExpired, ProcessPool

from pipeline.copies.looks import key_frame_column, measured_table
from pipeline.engine.decoding.frames import format_of
from pipeline.engine.decoding.measured import Measured, measure
from pipeline.release.looking.rows import SAID, Chunk
from schemas.config import DecodeConfig
from schemas.tables import SIGNALS

ALONE = 12
"""Chunks below which processes take longer to start than the work."""
_SECONDS_A_ROW = 60
_CHUNKS_A_PROCESS = 200
See = Callable[[Chunk, DecodeConfig], "Seen"]
_COLUMNS = ("error", "pixel_sha256", "flags", *SAID)


@dataclass(frozen=True)
class Seen:
    """A chunk's rows with what their files showed; all are as long as the chunk.

    ``measured`` has the columns that a release tells, the hash of the pixels, flags, and an
    ``error`` where the file can't be decoded; ``looks`` and ``key_frames`` are what copies are
    looked for by. Rows without a file have nulls in all of them.
    """

    chunk: Chunk
    measured: pa.Table
    looks: pa.Table
    key_frames: pa.Array


def measure_chunks(
    chunks: Iterator[Chunk],
    caps: DecodeConfig,
    workers: int | None = None,
    alone: int = ALONE,
    see: See | None = None,
) -> Iterator[Seen]:
    """Measure each chunk by ``see_chunk``, in order; a few are in memory at a time.

    Of less than ``alone`` chunks in this process. A file that kills its process, or takes over a
    minute, has an ``error`` that says so.
    """
    see = see or see_chunk
    ahead = list(islice(chunks, alone))
    if len(ahead) < alone:
        yield from (see(chunk, caps) for chunk in ahead)
        return
    workers = workers or len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        pool = _Processes(stack.enter_context(process_pool(workers)), see, caps)
        waiting: deque[tuple[Chunk, Future[Seen]]] = deque()
        for chunk in _joined(ahead, chunks):
            waiting.append((chunk, pool.start(chunk)))
            if len(waiting) > 2 * workers:
                yield pool.finish(*waiting.popleft())
        while waiting:
            yield pool.finish(*waiting.popleft())


def see_chunk(chunk: Chunk, caps: DecodeConfig) -> Seen:
    """Measure a chunk in this process."""
    said = (
        chunk.rows["format"] if "format" in chunk.rows.schema.names else pa.nulls(len(chunk.files))
    )
    found = [
        _nothing(None) if data is None else measure(data, kind or format_of(data), caps)
        for data, kind in zip(chunk.files.to_pylist(), said.to_pylist(), strict=True)
    ]
    return _seen(chunk, found)


def _nothing(error: str | None) -> Measured:
    return Measured({"error": error}, None, [])


def _seen(chunk: Chunk, found: list[Measured]) -> Seen:
    signals = [one.signals for one in found]
    schema = pa.schema([SIGNALS.schema.field(name).with_nullable(True) for name in _COLUMNS])
    rows = [{name: row.get(name) for name in _COLUMNS} for row in signals]
    frames = key_frame_column([one.key_frames for one in found])
    without_files = Chunk(chunk.split, chunk.rows, pa.nulls(len(chunk.rows), pa.binary()))
    measured = pa.Table.from_pylist(rows, schema=schema)
    return Seen(without_files, measured, measured_table([*signals]), frames)


@dataclass(frozen=True)
class _Processes:
    pool: ProcessPool
    see: See
    caps: DecodeConfig

    def start(self, chunk: Chunk) -> Future[Seen]:
        seconds = _SECONDS_A_ROW * len(chunk.rows)
        sent = (_compact(chunk), self.caps)
        future: Future[Seen] = self.pool.schedule(self.see, args=sent, timeout=seconds)
        return future

    def finish(self, chunk: Chunk, future: Future[Seen]) -> Seen:
        try:
            return future.result()
        except (ProcessExpired, TimeoutError, MemoryError):
            if len(chunk.rows) == 1:
                return _seen(
                    chunk, [_nothing("decode: the file kills, or stalls, what decodes it")]
                )
        # Whichever of the rows it was, the others are fine.
        rows = [
            Chunk(chunk.split, chunk.rows.slice(n, 1), chunk.files.slice(n, 1))
            for n in range(len(chunk.rows))
        ]
        parts = [self.finish(row, self.start(row)) for row in rows]
        return Seen(
            Chunk(chunk.split, chunk.rows, pa.nulls(len(chunk.rows), pa.binary())),
            pa.concat_tables([part.measured for part in parts]),
            pa.concat_tables([part.looks for part in parts]),
            pa.concat_arrays([part.key_frames for part in parts]),
        )


def _compact(chunk: Chunk) -> Chunk:
    """A slice carries the buffers of its whole row group to another process."""
    whole = pa.concat_arrays([chunk.files.take(pa.array(range(len(chunk.files))))])
    return Chunk(chunk.split, chunk.rows.take(pa.array(range(len(chunk.rows)))), whole)


@contextmanager
def process_pool(workers: int) -> Iterator[ProcessPool]:
    """Processes in which strangers' files are decoded; each is replaced now and then."""
    pool = ProcessPool(
        max_workers=workers,
        max_tasks=_CHUNKS_A_PROCESS,
        initializer=signal.signal,
        # Ctrl-C is for us alone: a worker that it hits between two locks would hang all others.
        initargs=(signal.SIGINT, signal.SIG_IGN),
        context=multiprocessing.get_context("spawn"),
    )
    ended = False
    try:
        yield pool
        ended = True
    finally:
        if ended:
            pool.close()  # type: ignore[no-untyped-call]
        else:
            pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _joined(first: list[Chunk], rest: Iterator[Chunk]) -> Iterator[Chunk]:
    yield from first
    yield from rest
