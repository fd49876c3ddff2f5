"""Who runs the tasks of a stage: the main process, workers of this machine, or Ray."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.engine.driving import Progress
from pipeline.engine.local import run_local, worker_count
from pipeline.engine.main_process import run_in_main_process
from pipeline.engine.stage import Stage
from pipeline.engine.task import ShardReport, ShardTask
from schemas.config import Config


def execute(
    tasks: Sequence[ShardTask], config: Config, progress: Progress
) -> Iterable[ShardReport]:
    """Run the tasks of one stage, yielding each shard's report; the bytes are the same whoever
    does it."""
    if tasks[0].stage.in_main_process(config):
        return run_in_main_process(tasks, progress)
    if config.engine.executor == "ray":
        from pipeline.engine.cluster.slots import run_on_ray

        return run_on_ray(tasks, config.engine, progress)
    return run_local(tasks, config.engine, progress)


def expected_workers(stage: Stage, config: Config) -> int:
    """Workers that are likely to run the stage; of a cluster, what the configuration says."""
    if stage.in_main_process(config):
        return 1
    engine = config.engine
    asked = engine.ray.workers if engine.executor == "ray" else 0
    return asked or worker_count(engine)
