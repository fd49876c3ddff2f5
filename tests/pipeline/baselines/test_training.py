"""The shared loop: schedule, logs, divergence and reproducibility."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.baselines.training import Schedule, StepLog, reproducible, train_model


def test_the_rate_warms_up_and_falls_along_a_cosine() -> None:
    schedule = Schedule(epochs=2, steps_per_epoch=6, learning_rate=1.0, warmup_steps=2)
    rates = [schedule.rate(step) for step in range(12)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[7] == pytest.approx(0.5)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[2:]))
    assert 0 < rates[-1] < 0.05


def test_every_step_and_epoch_is_logged_and_the_model_learns() -> None:
    steps: list[StepLog] = []
    epochs: list[tuple[int, float]] = []
    with reproducible(0):
        model = nn.Linear(1, 1)
        inputs = torch.linspace(-1, 1, 8)[:, None]
        train_model(
            model,
            lambda epoch: [(inputs[:4], 3 * inputs[:4]), (inputs[4:], 3 * inputs[4:])],
            lambda net, batch: nn.functional.mse_loss(net(batch[0]), batch[1]),
            Schedule(epochs=60, steps_per_epoch=2, learning_rate=0.2),
            each_step=steps.append,
            each_epoch=lambda epoch, loss: epochs.append((epoch, loss)),
        )
    assert [log.step for log in steps] == list(range(120))
    assert [epoch for epoch, _ in epochs] == list(range(1, 61))
    assert epochs[-1][1] < epochs[0][1] / 50
    assert epochs[3][1] == pytest.approx((steps[6].loss + steps[7].loss) / 2)


def test_a_diverged_model_is_an_error() -> None:
    model = nn.Linear(1, 1)
    with pytest.raises(FloatingPointError, match="step 0"):
        train_model(
            model,
            lambda epoch: [(torch.ones(1, 1),)],
            lambda net, batch: net(batch[0]).sum() * float("inf"),
            Schedule(epochs=1, steps_per_epoch=1, learning_rate=0.1),
        )


def test_the_seed_decides_and_the_callers_state_comes_back() -> None:
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    expected = (random.random(), float(np.random.rand()), float(torch.rand(1)))
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    drawn = []
    for seed in (1, 1, 2):
        with reproducible(seed):
            assert torch.get_num_threads() == 1
            drawn.append((random.random(), float(np.random.rand()), float(torch.rand(1))))
    assert drawn[0] == drawn[1] != drawn[2]
    assert (random.random(), float(np.random.rand()), float(torch.rand(1))) == expected
    assert torch.get_num_threads() == threads
