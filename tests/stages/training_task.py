"""What a torch baseline gives the loop, and trainings that are noted, kept or killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.engine.compute import reproducible
from pipeline.training.checkpointer import RunCheckpointer
from pipeline.training.contract import Learner, Run
from pipeline.training.examples import Dataset
from pipeline.training.loop import InMemory, Point, StepLog, Training, train_model
from pipeline.training.trainer import prepare

Baseline = Learner[Any, Any]
Curve = tuple[Point, ...]
_KILLED = """
import json, os, signal, sys
from pathlib import Path
from training_task import make_task
from pipeline.engine.compute import reproducible
from pipeline.training import checkpointer
from pipeline.training.examples import Dataset
from pipeline.training.loop import train_model
from pipeline.training.runs import find_baseline
from pipeline.training.settings import restore_settings

checkpointer._SAVE_EVERY = 1
baseline = find_baseline(sys.argv[1])
assert "transformers" not in sys.modules  # it takes seconds, and naming a baseline none

def each_step(done):
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)

settings = restore_settings(baseline.presets["tiny"], json.loads(sys.argv[4]))
with reproducible(5):
    task = make_task(baseline, Dataset(Path(sys.argv[2])), settings, 5)
    train_model(task, checkpointer.RunCheckpointer(Path(sys.argv[3]), None, each_step))
"""


class Notes(InMemory):
    """Remembers every step."""

    def __init__(self) -> None:
        self.steps: list[StepLog] = []

    def log(self, step: StepLog, waited_s: float) -> None:
        self.steps.append(step)


def make_task(baseline: Baseline, dataset: Dataset, settings: Any, seed: int) -> Training:
    """The training of a baseline's fit."""
    prepared = prepare(baseline, dataset, settings)
    tasks: list[Training] = []

    def loop(task: Training) -> Curve:
        tasks.append(task)
        return ()

    baseline.fit(prepared.train, prepared.settings, Run(seed, prepared.validation, loop))
    return tasks[0]


def train_noted(
    baseline: Baseline, release: Path, settings: Any, seed: int
) -> tuple[list[StepLog], Curve]:
    """Train without a folder: every step, and the curve."""
    notes = Notes()
    with reproducible(seed):
        curve = train_model(make_task(baseline, Dataset(release), settings, seed), notes)
    return notes.steps, curve


def train_kept(baseline: Baseline, release: Path, settings: Any, folder: Path) -> Curve:
    """Train with seed 5 in a folder, from where it was left off."""
    folder.mkdir(exist_ok=True)
    with reproducible(5):
        checkpointer = RunCheckpointer(folder, None, lambda done: None)
        curve = train_model(make_task(baseline, Dataset(release), settings, 5), checkpointer)
        checkpointer.finish(curve)
    return curve


def check_a_kill(baseline: Baseline, release: Path, settings: Any, root: Path) -> None:
    """A training killed on its third step and begun again ends as an uninterrupted one."""
    killed, whole = root / "killed", root / "whole"
    killed.mkdir()
    arguments = [baseline.name, str(release), str(killed), json.dumps(asdict(settings))]
    path = f"import sys; sys.path.append({str(Path(__file__).parent)!r})\n"
    script = [sys.executable, "-c", path + _KILLED, *arguments]
    done = subprocess.run(script, capture_output=True, check=False, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    assert len((killed / "steps.jsonl").read_bytes().splitlines()) == 3
    first, second = (train_kept(baseline, release, settings, folder) for folder in (killed, whole))
    assert first == second
    for name in ("steps.jsonl", "model.safetensors", "checkpoint.safetensors", "curve.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
