"""Who runs the tasks of a stage: the main process, workers of this machine, or Ray."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.engine.driving import Progress
from pipeline.engine.local import run_local, worker_count
from pipeline.engine.main_process import run_in_main_process
from pipeline.engine.stage import Stage
from pipeline.engine.task import ShardReport, ShardTask
from schemas.config import Config

# Only arithmetic on columns is that quick: decoding and models stay where a crash costs a worker.
_COLUMNAR_S = 0.0005
_WORTH_WORKERS_S = 1.0


def execute(
    tasks: Sequence[ShardTask], config: Config, progress: Progress
) -> Iterable[ShardReport]:
    """Run the tasks of one stage, yielding each shard's report; the bytes are the same whoever
    does it."""
    rows = sum(task.rows for task in tasks)
    if in_main_process(tasks[0].stage, config, rows):
        return run_in_main_process(tasks, progress)
    if config.engine.executor == "ray":
        from pipeline.engine.cluster.slots import run_on_ray

        return run_on_ray(tasks, config.engine, progress)
    return run_local(tasks, config.engine, progress)


def in_main_process(stage: Stage, config: Config, rows: int) -> bool:
    """Whether the stage asks for it, or workers would take longer to start than the work itself."""
    each = stage.needs.seconds_per_row
    quick = each <= _COLUMNAR_S and rows * each < _WORTH_WORKERS_S
    return quick or stage.in_main_process(config)


def expected_workers(stage: Stage, config: Config, rows: int) -> int:
    """Workers that are likely to run the stage; of a cluster, what the configuration says."""
    if in_main_process(stage, config, rows):
        return 1
    engine = config.engine
    asked = engine.ray.workers if engine.executor == "ray" else 0
    return asked or worker_count(engine)
