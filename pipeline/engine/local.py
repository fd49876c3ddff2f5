"""The local executor: a pebble pool whose parent watches every row for time and memory."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import resource_tracker

import psutil
from pebble import ProcessExpired, ProcessPool

from pipeline.engine.errors import StickerworksError
from pipeline.engine.shard import run_shard
from pipeline.engine.task import Heartbeat, ShardReport, ShardTask, cut
from schemas.config import EngineConfig

Progress = Callable[[int], None]
"""Called with the number of rows that all workers together have done."""

_POLL_S = 0.05
# Native libraries leak a little with every image; a fresh process costs about a second.
_SHARDS_PER_WORKER, _PIECES_PER_WORKER = 10, 50
# Rows' worth of time that a batch may take at most, and starting or writing may.
_PATIENCE = 10
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def worker_count(engine: EngineConfig) -> int:
    """Workers to start: as configured, or one for each core that this process may use."""
    return engine.workers or len(os.sched_getaffinity(0))


def run_local(
    tasks: Sequence[ShardTask], engine: EngineConfig, progress: Progress
) -> Iterator[ShardReport]:
    """Run the tasks, yielding each shard's report as it ends; a bad row costs only itself.

    A worker that dies, or is killed here because its row takes too long or too much memory, has
    its shard run again, row by row; the row that fails a second time is quarantined.
    """
    with _single_threaded_children():
        yield from _run(tasks, engine, progress)


def _run(
    tasks: Sequence[ShardTask], engine: EngineConfig, progress: Progress
) -> Iterator[ShardReport]:
    waiting = deque(piece for task in tasks for piece in cut(task))
    workers = min(worker_count(engine), len(waiting))
    pool = ProcessPool(
        max_workers=workers,
        max_tasks=_SHARDS_PER_WORKER if len(waiting) == len(tasks) else _PIECES_PER_WORKER,
        initializer=_start_worker,
        context=multiprocessing.get_context("spawn"),
    )
    running: dict[Future[ShardReport], ShardTask] = {}
    watch = _Watch(engine)
    joins = _Joins(tasks, waiting)
    finished = 0
    ended = False
    try:
        # Workers are told to stop by us: a Ctrl-C on the terminal reaches them too, and blocked
        # from their birth it can't interrupt them half-way through an import.
        resource_tracker.ensure_running()  # starting it later would unblock the signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        pool.schedule(_nothing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        while waiting or running:
            # A few tasks ahead keep workers busy; ten thousand would slow every look at them.
            while waiting and len(running) < 2 * workers:
                task = waiting.popleft()
                task.marker.unlink(missing_ok=True)
                running[pool.schedule(run_shard, args=(task,))] = task
            done, _ = wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            progress(finished + watch.rows_done(running.values()))
            for future in done:
                task = running.pop(future)
                error = future.exception()
                if isinstance(error, ProcessExpired):
                    again = watch.blame(task, error)
                    running[pool.schedule(run_shard, args=(again,))] = again
                elif error is not None:
                    raise _as_exception(task, error)
                else:
                    finished += task.rows
                    task.marker.unlink(missing_ok=True)
                    watch.count(task, future.result())
                    if task.piece is None:
                        yield future.result()
                    elif (whole := joins.after(task)) is not None:
                        waiting.appendleft(whole)
        ended = True
    finally:
        if ended:
            pool.close()  # type: ignore[no-untyped-call]
        else:
            pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


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


def _as_exception(task: ShardTask, error: BaseException) -> Exception:
    """The error, or one that says that the stage tried to end the program."""
    if isinstance(error, Exception):
        return error
    what = f"{type(error).__name__} {error}".strip()
    return StickerworksError(f"{task.stage.name} ended its worker by itself: {what}.")


def _nothing() -> None:
    """An empty first task: with it the pool starts its threads."""


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        # A worker must not outlive a driver that was killed: PR_SET_PDEATHSIG is 1.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class _Joins:
    """Counts the pieces of each shard that are left, and gives the task that joins them."""

    def __init__(self, tasks: Iterable[ShardTask], pieces: Iterable[ShardTask]) -> None:
        # Their rows have been counted, piece by piece.
        self._whole = {task.part: replace(task, rows=0) for task in tasks}
        self._left = Counter(piece.part for piece in pieces)

    def after(self, piece: ShardTask) -> ShardTask | None:
        """The task that joins the pieces of a shard, once this was the last."""
        self._left[piece.part] -= 1
        return None if self._left[piece.part] else self._whole[piece.part]


class _Watch:
    """Kills workers whose row is over its limits, finds the row to blame for a death, and stops
    the run when too many rows are to blame."""

    def __init__(self, engine: EngineConfig) -> None:
        self._engine = engine
        self._killed: dict[int, str] = {}
        self._suspects: set[tuple[int, tuple[str, ...]]] = set()
        self._deaths_outside_rows: dict[int, int] = {}
        self._quarantined = self._seen = 0

    def count(self, task: ShardTask, report: ShardReport) -> None:
        """Count a task's rows, unless it only joined pieces whose rows were counted before."""
        if task.rows:
            self._seen += task.rows
            self._quarantined += report.given_up
            task.check(self._quarantined, self._seen, report.reason)

    def rows_done(self, tasks: Iterable[ShardTask]) -> int:
        """Rows that the workers have done, after killing those that are over their limits."""
        total = 0
        for task in tasks:
            heartbeat = Heartbeat.read(task.marker)
            if heartbeat is not None:
                total += min(heartbeat.done, task.rows)
                self._check(heartbeat)
        return total

    def _check(self, heartbeat: Heartbeat) -> None:
        rows = min(len(heartbeat.batch), _PATIENCE) or _PATIENCE
        limit = self._engine.row_timeout_s * rows
        if time.monotonic() - heartbeat.started > limit:
            self._kill(heartbeat.pid, f"timeout: took more than {limit:g} s")
        elif _memory_mb(heartbeat.pid) > self._engine.memory_mb:
            self._kill(heartbeat.pid, f"memory: held more than {self._engine.memory_mb} MB")

    def _kill(self, pid: int, reason: str) -> None:
        if pid in self._killed:
            return
        with suppress(ProcessLookupError):  # it died by itself meanwhile
            os.kill(pid, signal.SIGKILL)
            self._killed[pid] = reason

    def blame(self, task: ShardTask, error: ProcessExpired) -> ShardTask:
        """The task to run again after its worker died."""
        heartbeat = Heartbeat.read(task.marker)
        reason = f"crashed: {_describe_exit(error.exitcode)}"
        if heartbeat is not None:
            reason = self._killed.pop(heartbeat.pid, reason)
        task.marker.unlink(missing_ok=True)
        if heartbeat is None or not heartbeat.batch:
            return self._outside_rows(task, reason)
        suspect = (task.part, heartbeat.batch)
        # The first death may be another row's doing (memory that grew, a machine that stalled).
        if suspect not in self._suspects:
            self._suspects.add(suspect)
            return replace(task, one_by_one=True)
        quarantined = self._quarantined + len(task.quarantined) + 1
        task.check(quarantined, self._seen + heartbeat.done + 1, reason)
        return replace(task, quarantined={**task.quarantined, heartbeat.batch[0]: reason})

    def _outside_rows(self, task: ShardTask, reason: str) -> ShardTask:
        deaths = self._deaths_outside_rows.get(task.part, 0) + 1
        self._deaths_outside_rows[task.part] = deaths
        if deaths > 2:
            raise StickerworksError(
                f"{task.stage.name} can't work on shard {task.part}: its worker {reason}, three "
                "times, while starting or writing.",
                "Check free memory and disk; `stickerworks doctor` lists what is missing.",
            )
        return task


def _memory_mb(pid: int) -> float:
    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else "unknown"
    return f"signal {-code} ({name})"
