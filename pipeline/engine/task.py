"""What the runner asks of a worker, what it gets back, and where the worker is meanwhile."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.engine.quarantine import Allowance
from pipeline.engine.stage import Context, Stage

# What a kill costs at most, for each worker; reading and writing a piece takes a percent of it.
_PIECE_S = 3.0


@dataclass(frozen=True)
class ShardTask:
    """One stage over one shard, or over the rows of one ``piece`` (first row, end) of it.

    ``base`` is the fingerprint without what the stage may add, empty where it adds nothing;
    ``quarantined`` maps rows to leave out to the reason; ``rows`` is what the task is worth when
    progress is counted.
    """

    stage: Stage
    part: int
    rows: int
    context: Context
    fingerprint: str
    inputs: dict[str, str]
    marker: Path
    allowance: Allowance
    quarantined: dict[str, str] = field(default_factory=dict)
    one_by_one: bool = False
    piece: tuple[int, int] | None = None
    base: str = ""

    def check(self, quarantined: int, seen: int, reason: str) -> None:
        """StickerworksError when so many rows were quarantined that the stage must be broken."""
        self.allowance.check(self.stage.name, self.part, quarantined, seen, reason)


@dataclass(frozen=True)
class ShardReport:
    """What became of a shard's rows: read = measured + skipped + taken_over, of which failed
    carry an error, quarantined among them; ``reason`` is that of the last one quarantined."""

    part: int
    counts: dict[str, int]
    reason: str = ""

    @property
    def given_up(self) -> int:
        """Rows that could not be made; one that lacks a measure alone is quarantined, and made."""
        return self.counts.get("given_up", self.counts["quarantined"])


@dataclass(frozen=True)
class Heartbeat:
    """Where a worker is: the batch that it works on, and how many rows lie behind it."""

    pid: int
    started: float
    batch: tuple[str, ...]
    done: int

    def write(self, path: Path) -> None:
        """Over the last one, in a single call: a rename each row took longer than the row."""
        text = json.dumps([self.pid, self.started, self.batch, self.done]).encode()
        line = b"%08x %s\n" % (zlib.crc32(text), text)
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(file, line, 0)
        finally:
            os.close(file)

    @staticmethod
    def read(path: Path) -> Heartbeat | None:
        """The last heartbeat; None before the first, or while one is being written."""
        try:
            # Behind the line may stand the end of a longer one.
            line, _, _ = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        checksum, _, text = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text):
            return None
        pid, started, batch, done = json.loads(text)
        return Heartbeat(pid, started, tuple(batch), done)


def cut(task: ShardTask) -> list[ShardTask]:
    """The task as pieces: all workers share an expensive shard, and a kill costs a few seconds.

    A worker puts each piece aside; the task itself then joins them. A shard that is done within
    seconds stays whole.
    """
    return [
        replace(
            task,
            rows=end - start,
            piece=(start, end),
            marker=task.marker.with_stem(f"{task.marker.stem}-{start:05d}"),
        )
        for start, end in spans(task.stage, task.rows)
    ] or [task]


def spans(stage: Stage, rows: int) -> list[tuple[int, int]]:
    """Rows of each piece of a shard; none where it isn't cut. A shard that grows keeps its cuts."""
    batches = max(1, round(_PIECE_S / stage.needs.seconds_per_row / stage.batch_rows))
    size = batches * stage.batch_rows
    if not stage.expensive or rows <= size:
        return []
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]
