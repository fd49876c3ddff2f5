"""What a torch baseline gives the loop, without running it."""

from __future__ import annotations

from typing import Any

from pipeline.training.contract import Learner, Run
from pipeline.training.examples import Dataset
from pipeline.training.loop import Point, Training
from pipeline.training.trainer import prepare


def make_task(baseline: Learner[Any, Any], dataset: Dataset, settings: Any, seed: int) -> Training:
    """The training of a baseline's fit."""
    prepared = prepare(baseline, dataset, settings)
    tasks: list[Training] = []

    def loop(task: Training) -> tuple[Point, ...]:
        tasks.append(task)
        return ()

    baseline.fit(prepared.train, prepared.settings, Run(seed, prepared.validation, loop))
    return tasks[0]
