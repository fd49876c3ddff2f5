"""The local executor: a pebble pool whose parent watches every row for time and memory."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from multiprocessing import resource_tracker

from pebble import ProcessExpired, ProcessPool

from pipeline.engine.driving import Outcome, Progress, drive
from pipeline.engine.shard import run_shard
from pipeline.engine.task import ShardReport, ShardTask, spans
from pipeline.engine.watching import Watch
from schemas.config import EngineConfig

_POLL_S = 0.05
# Native libraries leak a little with every image; a fresh process costs about a second.
_SHARDS_PER_WORKER, _PIECES_PER_WORKER = 10, 50
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def worker_count(engine: EngineConfig) -> int:
    """Workers to start: as configured, or one for each core that this process may use."""
    return engine.workers or len(os.sched_getaffinity(0))


def run_local(
    tasks: Sequence[ShardTask], engine: EngineConfig, progress: Progress
) -> Iterator[ShardReport]:
    """Run the tasks in worker processes of this machine, yielding each shard's report."""
    pieces = count_pieces(tasks)
    workers = min(worker_count(engine), pieces)
    with local_slots(engine, workers, in_pieces=pieces > len(tasks)) as slots:
        yield from drive(tasks, slots, progress)


def count_pieces(tasks: Sequence[ShardTask]) -> int:
    """Into how many pieces the tasks are cut for workers."""
    return sum(max(1, len(spans(task.stage, task.rows))) for task in tasks)


@contextmanager
def local_slots(engine: EngineConfig, workers: int, *, in_pieces: bool) -> Iterator[LocalSlots]:
    """Worker processes that end with the block; at once where it is left by an exception."""
    with _single_threaded_children():
        pool = ProcessPool(
            max_workers=workers,
            max_tasks=_PIECES_PER_WORKER if in_pieces else _SHARDS_PER_WORKER,
            initializer=_start_worker,
            context=multiprocessing.get_context("spawn"),
        )
        ended = False
        try:
            # Workers are told to stop by us: a Ctrl-C on the terminal reaches them too, and blocked
            # from their birth it can't interrupt them half-way through an import.
            resource_tracker.ensure_running()  # starting it later would unblock the signal
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            pool.schedule(_nothing)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            yield LocalSlots(pool, engine, workers)
            ended = True
        finally:
            if ended:
                pool.close()  # type: ignore[no-untyped-call]
            else:
                pool.stop()  # type: ignore[no-untyped-call]
            pool.join()


class LocalSlots:
    """Worker processes of this machine, whose rows are watched here."""

    def __init__(self, pool: ProcessPool, engine: EngineConfig, workers: int) -> None:
        self._pool = pool
        # A few tasks ahead keep workers busy; ten thousand would slow every look at them.
        self._most = 2 * workers
        self._watch = Watch(engine)
        self._running: dict[Future[ShardReport], ShardTask] = {}
        self.rows_done = 0

    @property
    def free(self) -> int:
        return self._most - len(self._running)

    def start(self, task: ShardTask) -> None:
        task.marker.unlink(missing_ok=True)
        self._running[self._pool.schedule(run_shard, args=(task,))] = task

    def wait(self) -> list[tuple[ShardTask, Outcome]]:
        done, _ = wait(self._running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
        ended = [(self._running.pop(future), future) for future in done]
        self.rows_done = self._watch.rows_done(self._running.values())
        return [(task, self._outcome(task, future)) for task, future in ended]

    def _outcome(self, task: ShardTask, future: Future[ShardReport]) -> Outcome:
        error = future.exception()
        if isinstance(error, ProcessExpired):
            return self._watch.death(task, error.exitcode)
        task.marker.unlink(missing_ok=True)
        return error or future.result()


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Processes, not threads, use the cores: with both, OCR and decoding fight over them.

    Set around the workers' whole life, since numeric libraries read it when they are imported.
    """
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _nothing() -> None:
    """An empty first task: with it the pool starts its threads."""


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        # A worker must not outlive a driver that was killed: PR_SET_PDEATHSIG is 1.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
