"""Running a stage in the main process, shard after shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from pipeline.engine.local import Progress
from pipeline.engine.shard import ShardReport, ShardTask, run_shard


def run_here(tasks: Sequence[ShardTask], progress: Progress) -> Iterator[ShardReport]:
    """Run the tasks of one stage in order, yielding each shard's report as it ends.

    The stage is opened once. A row that raises is quarantined as in a worker, but a crash, a hang
    or too much memory ends or stalls the run: tables that were written stay.
    """
    finished = 0
    with ExitStack() as stack:
        context = replace(
            tasks[0].context,
            advance=lambda rows: progress(finished + rows),
            at_end=stack.callback,
        )
        process = tasks[0].stage.open(context)
        for task in tasks:
            report = run_shard(task, process)
            task.marker.unlink(missing_ok=True)
            finished += task.rows
            progress(finished)
            yield report
