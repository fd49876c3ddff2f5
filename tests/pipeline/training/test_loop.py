"""The shared loop: schedule, accumulation, divergence, workers and reproducibility."""

from __future__ import annotations

import itertools
import math
import os
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from training_task import Notes

from pipeline.engine.compute import reproducible
from pipeline.training.loop import Schedule, Training, train_model

INPUTS = torch.linspace(-1, 1, 8)[:, None]
_FORKS = "STICKERWORKS_TEST_FORKS"


def line(schedule: Schedule, size: int = 4) -> Training:
    """Fit y = 3 x by batches of ``size`` of eight points."""
    return Training(
        model=nn.Linear(1, 1),
        loss=lambda net, batch: nn.functional.mse_loss(net(batch[0]), batch[1]),
        batch=lambda epoch, n: (INPUTS[n * size :][:size], 3 * INPUTS[n * size :][:size]),
        evaluate=lambda net: {"error": float(abs(next(net.parameters()).item() - 3))},
        schedule=schedule,
        seed=0,
    )


def test_the_rate_warms_up_and_falls_along_a_cosine() -> None:
    schedule = Schedule(epochs=2, batches_per_epoch=6, learning_rate=1.0, warmup_steps=2)
    rates = [schedule.rate(step) for step in range(12)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[7] == pytest.approx(0.5)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[2:]))
    assert 0 < rates[-1] < 0.05
    high = replace(schedule, floor=0.2)
    assert [high.rate(0), high.rate(7)] == pytest.approx([0.6, 0.6])
    assert 0.2 < high.rate(11) < 0.25


def test_every_step_and_epoch_is_logged_and_the_model_learns() -> None:
    notes = Notes()
    with reproducible(0):
        curve = train_model(line(Schedule(60, 2, learning_rate=0.2)), notes)
    assert [log.step for log in notes.steps] == list(range(120))
    assert [log.epoch for log in notes.steps[:4]] == [1, 1, 2, 2]
    assert [point.epoch for point in curve] == list(range(1, 61))
    assert curve[-1].loss < curve[0].loss / 50
    assert curve[-1].metrics["error"] < curve[0].metrics["error"] / 5
    assert curve[3].loss == pytest.approx((notes.steps[6].loss + notes.steps[7].loss) / 2)


def test_accumulated_batches_make_the_same_step_as_one_large_batch() -> None:
    runs = []
    for size, batches, take in ((8, 1, 1), (2, 4, 4)):
        notes = Notes()
        with reproducible(0):
            schedule = Schedule(5, batches, learning_rate=0.2, accumulate=take)
            task = line(schedule, size)
            train_model(task, notes)
        runs.append(([step.loss for step in notes.steps], task.model.weight.item()))
    assert len(runs[0][0]) == 5
    assert runs[0][0] == pytest.approx(runs[1][0], rel=1e-5)
    assert runs[0][1] == pytest.approx(runs[1][1], rel=1e-5)


def test_the_last_step_of_an_epoch_takes_the_batches_that_are_left() -> None:
    # Rate 0, so that every loss is that of the same weights.
    with reproducible(0):
        train_model(line(Schedule(1, 4, learning_rate=0.0), 2), single := Notes())
    with reproducible(0):
        train_model(line(Schedule(2, 4, learning_rate=0.0, accumulate=3), 2), notes := Notes())
    losses = [step.loss for step in single.steps]
    assert [step.loss for step in notes.steps] == pytest.approx(
        [sum(losses[:3]) / 3, losses[3]] * 2
    )


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_the_run_at_once(value: float) -> None:
    drawn = []

    def loss(net: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        drawn.append(1)
        return net(batch[0]).sum() * (value if len(drawn) == 4 else 1)

    task = replace(line(Schedule(3, 2, learning_rate=0.1)), loss=loss)
    with pytest.raises(FloatingPointError, match="the loss of step 3 is"):
        train_model(task)
    assert len(drawn) == 4


def test_weights_that_are_not_finite_stop_the_run_though_the_loss_was_finite() -> None:
    task = line(Schedule(1, 1, learning_rate=math.inf))
    with pytest.raises(FloatingPointError, match="a weight is not finite after epoch 1"):
        train_model(task)


def test_batches_are_the_same_from_workers_and_from_the_process_itself() -> None:
    # In a process of its own: one that has read text with OpenVINO, as an earlier test may have
    # done in this one, ends with a segmentation fault where workers are forked.
    command = [sys.executable, "-m", "pytest", "-q", f"{__file__}::test_forked"]
    env = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    done = subprocess.run(
        command, env={**env, _FORKS: "1"}, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.skipif(_FORKS not in os.environ, reason="forks: the test above runs it")
def test_forked() -> None:
    drawn = []

    def batch(epoch: int, number: int) -> tuple[torch.Tensor, ...]:
        # All three sources: a worker inherits its parent's states, which must not show.
        x = torch.rand(4, 1) + random.random() + float(np.random.rand())
        drawn.append(x.sum().item())
        return x, 3 * x

    logs = []
    for workers in (0, 2):
        schedule = Schedule(2, 5, learning_rate=0.1)
        net = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        notes = Notes()
        with reproducible(4):
            for layer in (net[0], net[2]):
                layer.reset_parameters()
            task = replace(line(schedule), model=net, batch=batch, evaluate=lambda _: {})
            train_model(replace(task, workers=workers), notes)
        logs.append(notes.steps)
    assert logs[0] == logs[1]
    assert len(set(drawn)) == len(drawn) == 10, "each epoch and number has its own chance"


def test_frozen_weights_stay_and_groups_are_the_trainers_choice() -> None:
    task = line(Schedule(2, 2, learning_rate=0.1))
    task.model.bias.requires_grad_(False)
    before = task.model.bias.item()
    train_model(task)
    assert task.model.bias.item() == before
    task = replace(
        line(Schedule(1, 1, learning_rate=0.0)), groups=lambda net: [{"params": [net.weight]}]
    )
    before = task.model.bias.item()
    train_model(replace(task, schedule=Schedule(2, 2, learning_rate=0.1)))
    assert task.model.bias.item() == before
