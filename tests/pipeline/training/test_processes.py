"""Several processes train the same model as one that accumulates their batches."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.training import loop
from pipeline.training.loop import Schedule
from pipeline.training.runs import TrainRequest, train_run

Make = Callable[..., Any]

SCRIPT = """
import json, sys
import torch
from torch import nn
from pipeline.baselines.mghft.config import PRESETS
from pipeline.baselines.mghft.trainer import BASELINE
from pipeline.engine.compute import reproducible
from pipeline.training.loop import LoopState, Schedule, Training, train_model
from pipeline.training.processes import joined, process_rank

class Notes:
    steps = []
    def restore(self, model, optimizer):
        return LoopState()
    def log(self, step, waited_s):
        self.steps.append(step.loss)
    def save(self, model, optimizer, progress, ended): ...

def batch(epoch, number):
    x = torch.rand(4, 3)
    return x, x.sum(1, keepdim=True) * 2

with reproducible(0), joined() as device:
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    task = Training(
        model=model,
        loss=lambda net, drawn: ((net(drawn[0]) - drawn[1]) ** 2).mean(),
        batch=batch,
        evaluate=lambda net: {"weight": float(net[0].weight.sum())},
        schedule=Schedule(3, 6, 0.05, accumulate=int(sys.argv[1])),
        seed=3,
        device=device,
    )
    curve = train_model(task, notes := Notes())
    if process_rank() == 0:
        rate = BASELINE.schedule(PRESETS["paper"], 100).learning_rate
        print(json.dumps([notes.steps, curve[-1].metrics["weight"], rate]))
"""


def launch(count: int, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    command = [sys.executable, *(torchrun if count > 1 else []), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_from_both_their_batches(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    one = launch(1, "script.py", 2, cwd=tmp_path)
    two = launch(2, "script.py", 1, cwd=tmp_path)
    assert two.returncode == 0, two.stderr
    (losses, weight, rate), (ours, mine, twice) = (json.loads(told.stdout) for told in (one, two))
    assert len(losses) == 9
    assert ours == pytest.approx(losses, rel=1e-5)
    assert mine == pytest.approx(weight, rel=1e-5)
    assert (rate, twice) == (3.125e-5, 6.25e-5), "MGHFT's, which goes with all their stickers"


@pytest.mark.slow
def test_a_run_of_two_processes_is_one_run_folder(
    write_release: Make, shapes: Make, tmp_path: Path
) -> None:
    release = write_release(train=shapes(80), validation=shapes(12, 500))
    train = ["-m", "stickerworks", "train", "tiny", "--release", release, "--output", "run"]
    told = launch(2, *train, "--epochs", 2, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "4 steps on cpu in 2 processes" in told.stderr
    steps = [json.loads(line) for line in (tmp_path / "run/steps.jsonl").read_text().splitlines()]
    assert [step["step"] for step in steps] == [0, 1, 2, 3]
    again = launch(2, *train, "--epochs", 2, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert len((tmp_path / "run/steps.jsonl").read_text().splitlines()) == 4


@pytest.mark.slow
def test_a_run_keeps_its_number_of_processes_and_batches_must_go_round(
    write_release: Make, shapes: Make, tmp_path: Path
) -> None:
    release = write_release(train=shapes(40), validation=shapes(12, 500))
    alone = TrainRequest("tiny", release, tmp_path / "run", epochs=1)
    train_run(alone, lambda line: None, lambda done, steps, rows: None)
    train = ["-m", "stickerworks", "train", "tiny", "--release", release, "--epochs", 1]
    other = launch(2, *train, "--output", "run", cwd=tmp_path)
    assert other.returncode != 0
    assert "processes 1, not 2" in other.stderr
    large = launch(2, *train, "--output", "new", "--with", "batch_size=64", cwd=tmp_path)
    assert large.returncode != 0
    assert "1 batches an epoch can't be shared by 2 processes" in large.stderr


def test_warm_up_lasts_for_as_many_rows_on_several_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule = Schedule(50, 400, 0.1, warmup_steps=2000)
    monkeypatch.setattr(loop, "process_count", lambda: 8)
    shared = loop.shared_schedule(schedule)
    assert (shared.steps_per_epoch, shared.warmup_steps) == (50, 250)
