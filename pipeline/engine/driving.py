"""The loop that every executor shares: what runs next, what runs again, and when to stop."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from pipeline.engine.errors import StickerworksError
from pipeline.engine.task import ShardReport, ShardTask, cut
from pipeline.engine.watching import Death

Progress = Callable[[int], None]
"""Called with the number of rows that all workers together have done."""

Outcome = ShardReport | Death | BaseException
"""What became of a task: it ended, its worker died, or it can't be done."""

# Deaths that no row is to blame for: more of them, and it isn't bad luck.
_DEATHS_OUTSIDE_ROWS = 2


class Slots(Protocol):
    """Workers, wherever they are."""

    @property
    def free(self) -> int:
        """How many more tasks can be started now."""

    def start(self, task: ShardTask) -> None:
        """Hand the task to a worker."""

    def wait(self) -> Sequence[tuple[ShardTask, Outcome]]:
        """What has ended by now; waits for a moment if nothing has."""

    @property
    def rows_done(self) -> int:
        """Rows that the tasks under way have behind them."""


def drive(tasks: Sequence[ShardTask], slots: Slots, progress: Progress) -> Iterator[ShardReport]:
    """Run the tasks, yielding each shard's report as it ends; a bad row costs only itself.

    A task whose worker died runs again, row by row; the row that kills a worker a second time is
    quarantined. No more is handed out than there are free slots.
    """
    queue = _Queue(tasks)
    blame = _Blame()
    running = finished = 0
    while running or queue:
        while slots.free and (task := queue.next()) is not None:
            slots.start(task)
            running += 1
        for task, outcome in slots.wait():
            running -= 1
            if isinstance(outcome, Death):
                queue.first(blame.after(task, outcome))
            elif isinstance(outcome, BaseException):
                raise _as_exception(task, outcome)
            else:
                finished += task.rows
                blame.count(task, outcome)
                if task.piece is None:
                    yield outcome
                else:
                    queue.piece_ended(task)
        progress(finished + slots.rows_done)


def _as_exception(task: ShardTask, error: BaseException) -> Exception:
    """The error, or one that says that the stage tried to end the program."""
    if isinstance(error, Exception):
        return error
    what = f"{type(error).__name__} {error}".strip()
    return StickerworksError(f"{task.stage.name} ended its worker by itself: {what}.")


class _Queue:
    """Shards cut into pieces when their turn comes; a shard whose last piece ended is joined."""

    def __init__(self, tasks: Sequence[ShardTask]) -> None:
        self._shards = deque(tasks)
        self._due: deque[ShardTask] = deque()
        self._whole: dict[int, ShardTask] = {}
        self._left = Counter[int]()

    def __bool__(self) -> bool:
        return bool(self._due or self._shards)

    def next(self) -> ShardTask | None:
        if not self._due and self._shards:
            self._cut(self._shards.popleft())
        return self._due.popleft() if self._due else None

    def first(self, task: ShardTask) -> None:
        """Have the task run before all that wait."""
        self._due.appendleft(task)

    def piece_ended(self, piece: ShardTask) -> None:
        self._left[piece.part] -= 1
        if not self._left[piece.part]:
            self.first(self._whole.pop(piece.part))

    def _cut(self, task: ShardTask) -> None:
        pieces = cut(task)
        self._due.extend(pieces)
        if pieces != [task]:
            self._left[task.part] = len(pieces)
            # Its rows will have been counted, piece by piece.
            self._whole[task.part] = replace(task, rows=0)


class _Blame:
    """Finds the row to blame for a death, and stops the run when too many rows are to blame."""

    def __init__(self) -> None:
        self._suspects: set[tuple[int, tuple[str, ...]]] = set()
        self._deaths_outside_rows = Counter[str]()
        self._quarantined = self._seen = 0

    def count(self, task: ShardTask, report: ShardReport) -> None:
        """Count a task's rows, unless it only joined pieces whose rows were counted before."""
        if task.rows:
            self._seen += task.rows
            self._quarantined += report.given_up
            task.check(self._quarantined, self._seen, report.reason)

    def after(self, task: ShardTask, death: Death) -> ShardTask:
        """The task to run again after its worker died."""
        if not death.batch:
            return self._outside_rows(task, death.reason)
        suspect = (task.part, death.batch)
        # The first death may be another row's doing (memory that grew, a machine that stalled).
        if suspect not in self._suspects:
            self._suspects.add(suspect)
            return replace(task, one_by_one=True)
        quarantined = self._quarantined + len(task.quarantined) + 1
        task.check(quarantined, self._seen + death.done + 1, death.reason)
        return replace(task, quarantined={**task.quarantined, death.batch[0]: death.reason})

    def _outside_rows(self, task: ShardTask, reason: str) -> ShardTask:
        self._deaths_outside_rows[task.marker.name] += 1
        if self._deaths_outside_rows[task.marker.name] > _DEATHS_OUTSIDE_ROWS:
            raise StickerworksError(
                f"{task.stage.name} can't work on shard {task.part}: its worker {reason}, three "
                "times, while starting or writing.",
                "Check free memory and disk; `stickerworks doctor` lists what is missing.",
            )
        return task
