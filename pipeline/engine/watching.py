"""Killing workers whose row is over its limits, and telling what one was at when it died."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from pipeline.engine.task import Heartbeat, ShardTask
from schemas.config import EngineConfig

# Rows' worth of time that a batch may take at most, and starting or writing may.
_PATIENCE = 10
_CHILDREN_EVERY_S = 1.0
"""Looking whose child each process of the machine is takes milliseconds."""


@dataclass(frozen=True)
class Death:
    """How a worker died, the rows that it was at (none: it was starting or writing), and how many
    lay behind it."""

    reason: str
    batch: tuple[str, ...] = ()
    done: int = 0


class Watch:
    """Looks at the heartbeats of the workers of one machine."""

    def __init__(self, engine: EngineConfig) -> None:
        self._engine = engine
        self._killed: dict[int, str] = {}
        self._children: dict[int, list[int]] = {}
        self._looked = -_CHILDREN_EVERY_S

    def rows_done(self, tasks: Iterable[ShardTask]) -> int:
        """Rows that the workers have done, after killing those that are over their limits."""
        total = 0
        self._look_for_children()
        for task in tasks:
            heartbeat = Heartbeat.read(task.marker)
            if heartbeat is not None:
                total += min(heartbeat.done, task.rows)
                self._check(heartbeat)
        return total

    def death(self, task: ShardTask, exit_code: int) -> Death:
        """What is known of a worker that ended in the middle of a task."""
        heartbeat = Heartbeat.read(task.marker)
        task.marker.unlink(missing_ok=True)
        reason = f"crashed: {_describe_exit(exit_code)}"
        if heartbeat is None:
            return Death(reason)
        return Death(self._killed.pop(heartbeat.pid, reason), heartbeat.batch, heartbeat.done)

    def _check(self, heartbeat: Heartbeat) -> None:
        rows = min(len(heartbeat.batch), _PATIENCE) or _PATIENCE
        limit = self._engine.row_timeout_s * rows
        if time.monotonic() - heartbeat.started > limit:
            self._kill(heartbeat.pid, f"timeout: took more than {limit:g} s")
        elif self._memory_mb(heartbeat.pid) > self._engine.memory_mb:
            self._kill(heartbeat.pid, f"memory: held more than {self._engine.memory_mb} MB")

    def _memory_mb(self, pid: int) -> float:
        """What a worker holds, and the processes that decode for it."""
        return sum(map(_resident_mb, (pid, *self._children.get(pid, ()))))

    def _look_for_children(self) -> None:
        if time.monotonic() - self._looked < _CHILDREN_EVERY_S:
            return
        self._children = {}
        for one in psutil.process_iter(["ppid"]):
            self._children.setdefault(one.info["ppid"], []).append(one.pid)
        self._looked = time.monotonic()

    def _kill(self, pid: int, reason: str) -> None:
        if pid in self._killed:
            return
        with suppress(ProcessLookupError):  # it died by itself meanwhile
            os.kill(pid, signal.SIGKILL)
            self._killed[pid] = reason


def _resident_mb(pid: int) -> float:
    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else "unknown"
    return f"signal {-code} ({name})"
