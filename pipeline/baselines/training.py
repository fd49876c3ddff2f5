"""The training loop that every baseline shares."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Schedule:
    """AdamW under a cosine with linear warm-up; learning rates are per step, not per epoch."""

    epochs: int
    steps_per_epoch: int
    learning_rate: float
    weight_decay: float = 1e-2
    warmup_steps: int = 0

    def rate(self, step: int) -> float:
        """Learning rate of a step, from 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        left = max(1, self.epochs * self.steps_per_epoch - self.warmup_steps)
        return self.learning_rate * (1 + math.cos(math.pi * (step - self.warmup_steps) / left)) / 2


@dataclass(frozen=True)
class StepLog:
    """What one step did."""

    step: int
    epoch: int
    loss: float
    learning_rate: float


def train_model(
    model: nn.Module,
    batches: Callable[[int], Iterable[tuple[Tensor, ...]]],
    loss_of: Callable[[nn.Module, tuple[Tensor, ...]], Tensor],
    schedule: Schedule,
    each_step: Callable[[StepLog], None] = lambda log: None,
    each_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> None:
    """Train ``model`` in place; ``batches(epoch)`` gives the epoch's batches.

    ``each_epoch`` gets the epoch, from 1, and its mean loss. Raises FloatingPointError when a
    loss is not finite: a model that has diverged must not be judged.
    """
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
    )
    step = 0
    for epoch in range(1, schedule.epochs + 1):
        model.train()
        losses = []
        for batch in batches(epoch):
            rate = schedule.rate(step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = loss_of(model, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise FloatingPointError(f"the loss of step {step} is {losses[-1]}")
            each_step(StepLog(step, epoch, losses[-1], rate))
            step += 1
        each_epoch(epoch, sum(losses) / len(losses))


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed python, numpy and torch, and compute on one thread, then restore what was before.

    Sums over threads depend on how many there are; on one, a machine always gives the same bits.
    """
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(True)
            random.seed(seed)
            np.random.seed(seed % 2**32)
            torch.manual_seed(seed)
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict)
            random.setstate(python_state)
            np.random.set_state(numpy_state)
