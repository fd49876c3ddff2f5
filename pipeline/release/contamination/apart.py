"""Looks at strangers' files in processes that a hostile one may kill."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import chain, islice

from pebble import ProcessExpired, ProcessPool

from pipeline.release.contamination.looking import Greys, look
from pipeline.release.contamination.pictures import Picture
from pipeline.release.looking.measuring import process_pool
from schemas.config import DecodeConfig

_MOST, _MOST_BYTES = 32, 16_000_000
"""Pictures that are sent to a process at once, unless their bytes end that before."""
_SECONDS_A_PICTURE = 60

_Looks = list[Greys | None]
See = Callable[[bytes, DecodeConfig], Greys | None]


def look_at_all(
    pictures: Iterable[Picture], caps: DecodeConfig, workers: int | None = None, see: See = look
) -> Iterator[tuple[Picture, Greys | None]]:
    """Each picture, in order, with what ``look`` sees of it; a few batches are held at a time.

    None also where a file kills its process, or takes over a minute. No more than 32 small files
    are looked at in this process: others take longer to start than those to look at.
    """
    batches = _batches(pictures)
    first = list(islice(batches, 2))
    if len(first) < 2:
        for batch in first:
            yield from zip(batch, _look_at([one.data for one in batch], caps, see), strict=True)
        return
    workers = workers or len(os.sched_getaffinity(0))
    with process_pool(workers) as started:
        pool = _Processes(started, caps, see)
        waiting: deque[tuple[list[Picture], Future[_Looks]]] = deque()
        for batch in chain(first, batches):
            waiting.append((batch, pool.start(batch)))
            if len(waiting) > 2 * workers:
                yield from pool.finish(*waiting.popleft())
        while waiting:
            yield from pool.finish(*waiting.popleft())


def _batches(pictures: Iterable[Picture]) -> Iterator[list[Picture]]:
    batch: list[Picture] = []
    held = 0
    for picture in pictures:
        batch.append(picture)
        held += len(picture.data or b"")
        if len(batch) == _MOST or held >= _MOST_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _look_at(files: list[bytes | None], caps: DecodeConfig, see: See) -> _Looks:
    return [None if data is None else see(data, caps) for data in files]


@dataclass(frozen=True)
class _Processes:
    pool: ProcessPool
    caps: DecodeConfig
    see: See

    def start(self, batch: list[Picture]) -> Future[_Looks]:
        files = [picture.data for picture in batch]
        seconds = _SECONDS_A_PICTURE * len(batch)
        sent = (files, self.caps, self.see)
        future: Future[_Looks] = self.pool.schedule(_look_at, args=sent, timeout=seconds)
        return future

    def finish(
        self, batch: list[Picture], future: Future[_Looks]
    ) -> Iterator[tuple[Picture, Greys | None]]:
        try:
            looks = future.result()
        except (ProcessExpired, TimeoutError, MemoryError):
            if len(batch) == 1:
                yield batch[0], None
                return
        else:
            yield from zip(batch, looks, strict=True)
            return
        # Whichever of the files it was, the others are fine.
        for picture in batch:
            yield from self.finish([picture], self.start([picture]))
