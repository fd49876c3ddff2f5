"""Running a stage in the main process, shard after shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pyarrow as pa

from pipeline.engine.driving import Progress
from pipeline.engine.shard import run_shard
from pipeline.engine.stage import Tables
from pipeline.engine.task import ShardReport, ShardTask


def run_in_main_process(tasks: Sequence[ShardTask], progress: Progress) -> Iterator[ShardReport]:
    """Run the tasks of one stage in order, yielding each shard's report as it ends.

    The stage is opened once. A row that raises is quarantined as in a worker, but a crash, a hang
    or too much memory ends or stalls the run: tables that were written stay.
    """
    finished = in_shard = quarantined = 0
    with ExitStack() as stack:
        context = replace(
            tasks[0].context,
            advance=lambda rows: progress(finished + in_shard + rows),
            at_end=stack.callback,
        )
        process = tasks[0].stage.open(context)

        def counted(tables: Tables) -> dict[str, pa.Table]:
            nonlocal in_shard
            written = process(tables)
            in_shard += len(tables[tasks[0].stage.reads[0]])
            return written

        for task in tasks:
            in_shard = 0
            report = run_shard(task, counted)
            task.marker.unlink(missing_ok=True)
            finished, in_shard = finished + task.rows, 0
            progress(finished)
            quarantined += report.given_up
            task.check(quarantined, finished, report.reason)
            yield report
