"""The training loop that every baseline shares."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pipeline.engine.compute import default_device, seeded
from pipeline.engine.errors import StickerworksError
from pipeline.training.loading import Batch, default_workers, load_batches
from pipeline.training.processes import (
    process_count,
    process_rank,
    share_weights,
    sum_gradients,
)

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Schedule:
    """AdamW under a cosine with linear warm-up; rates, steps and warm-up count optimizer steps.

    A step takes ``accumulate`` batches (the last one of an epoch what is left) and averages
    their losses. The rate rises from ``floor`` and falls back to it. ``bf16`` computes in
    bfloat16 on CUDA.
    """

    epochs: int
    batches_per_epoch: int
    learning_rate: float
    weight_decay: float = 1e-2
    warmup_steps: int = 0
    floor: float = 0.0
    accumulate: int = 1
    bf16: bool = False

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.batches_per_epoch // self.accumulate)

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def rate(self, step: int) -> float:
        """Learning rate of a step, from 0."""
        if step < self.warmup_steps:
            share = (step + 1) / self.warmup_steps
        else:
            left = max(1, self.steps - self.warmup_steps)
            share = (1 + math.cos(math.pi * (step - self.warmup_steps) / left)) / 2
        return self.floor + (self.learning_rate - self.floor) * share


@dataclass(frozen=True)
class Training:
    """What a trainer gives the loop.

    ``batch(epoch, number)``, from (1, 0), draws one batch; python, numpy and torch are seeded by
    (seed, epoch, number) meanwhile, so that a batch is the same in any process and after any
    restart. The model is moved to ``device``, a GPU where there is one; ``workers`` processes draw
    batches ahead [as many as that device is worth]. ``evaluate`` gets the model in evaluation mode
    after each epoch. ``groups`` gives AdamW's parameter groups [everything that requires a
    gradient]. ``select_on`` names the metric whose best epoch gives the weights that are kept [the
    last epoch]. ``after_step`` follows each step of the optimizer (averages of weights). ``draw``
    may write pictures for people below a folder after an epoch, and must draw no chance from the
    generators.
    """

    model: nn.Module
    loss: Callable[[nn.Module, Batch], Tensor]
    batch: Callable[[int, int], Batch]
    evaluate: Callable[[nn.Module], Metrics]
    schedule: Schedule
    seed: int
    device: str = field(default_factory=default_device)
    workers: int = field(default_factory=lambda: default_workers(default_device()))
    groups: Callable[[nn.Module], list[dict[str, Any]]] | None = None
    select_on: str | None = None
    after_step: Callable[[nn.Module], None] | None = None
    draw: Callable[[nn.Module, Path, int], None] | None = None


@dataclass(frozen=True)
class StepLog:
    """What one step did."""

    step: int
    epoch: int
    loss: float
    learning_rate: float


@dataclass(frozen=True)
class Point:
    """One point of a learning curve: mean train loss of an epoch, and metrics after it."""

    epoch: int
    loss: float
    metrics: Metrics


@dataclass
class LoopState:
    """How far a run has come: steps done, losses of the epoch under way, points so far."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    curve: list[Point] = field(default_factory=list)


class Checkpointer(Protocol):
    """Keeps the log, checkpoints and weights of a run.

    ``log`` is told how long the step waited for its batches, ``save`` whether an epoch has just
    ended.
    """

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> LoopState: ...

    def log(self, step: StepLog, waited_s: float) -> None: ...

    def save(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: LoopState, ended: bool
    ) -> None: ...


class InMemory:
    """Keeps nothing: for runs of seconds, such as the gate's."""

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> LoopState:
        return LoopState()

    def log(self, step: StepLog, waited_s: float) -> None: ...

    def save(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: LoopState, ended: bool
    ) -> None: ...


def train_model(task: Training, checkpointer: Checkpointer | None = None) -> tuple[Point, ...]:
    """Train ``task.model`` in place, from where ``checkpointer`` left off, and return the curve.

    Raises FloatingPointError when a loss or a weight is not finite: a model that has diverged
    must be neither kept nor judged. Several processes share the batches of each step.
    """
    checkpointer = checkpointer or InMemory()
    task = replace(task, schedule=shared_schedule(task.schedule))
    schedule, model = task.schedule, task.model.to(task.device)
    share_weights(model)
    optimizer = _make_optimizer(task)
    progress = checkpointer.restore(model, optimizer)
    while progress.step < schedule.steps:
        done, first = divmod(progress.step, schedule.steps_per_epoch)
        epoch = done + 1
        model.train()
        asked = time.perf_counter()
        for batches, count in _draw_steps(task, epoch, first):
            waited = time.perf_counter() - asked
            rate = schedule.rate(progress.step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = _descend(task, optimizer, batches, count, progress.step)
            checkpointer.log(StepLog(progress.step, epoch, loss, rate), waited)
            progress.step += 1
            progress.losses.append(loss)
            if progress.step % schedule.steps_per_epoch:
                checkpointer.save(model, optimizer, progress, ended=False)
            asked = time.perf_counter()
        if not all(bool(weight.isfinite().all()) for weight in model.parameters()):
            raise FloatingPointError(f"a weight is not finite after epoch {epoch}")
        model.eval()
        mean = sum(progress.losses) / len(progress.losses)
        metrics = dict(task.evaluate(model)) if process_rank() == 0 else {}
        progress.curve.append(Point(epoch, mean, metrics))
        progress.losses = []
        checkpointer.save(model, optimizer, progress, ended=True)
    return tuple(progress.curve)


def shared_schedule(schedule: Schedule) -> Schedule:
    """The schedule of one process's steps when several share them."""
    processes = process_count()
    if processes == 1:
        return schedule
    # Losses that gather rows of all processes need a batch in each: a remainder is left out.
    batches = schedule.batches_per_epoch // processes * processes
    if not batches:
        raise StickerworksError(
            f"{schedule.batches_per_epoch} batches an epoch can't be shared by {processes} "
            "processes.",
            "Use fewer processes, or smaller batches (--with batch_size=NUMBER).",
        )
    together = schedule.accumulate * processes
    shared = replace(schedule, batches_per_epoch=batches, accumulate=together)
    # Warm-up lasts for as many rows as on one process.
    warmup = round(schedule.warmup_steps * shared.steps / schedule.steps)
    return replace(shared, warmup_steps=warmup)


def _make_optimizer(task: Training) -> torch.optim.AdamW:
    parameters = (
        task.groups(task.model)
        if task.groups
        else [weight for weight in task.model.parameters() if weight.requires_grad]
    )
    schedule = task.schedule
    return torch.optim.AdamW(
        parameters, lr=schedule.learning_rate, weight_decay=schedule.weight_decay
    )


def _descend(
    task: Training, optimizer: torch.optim.Optimizer, batches: list[Batch], count: int, step: int
) -> float:
    """One optimizer step over ``count`` batches, ours among them; returns their mean loss."""
    device = torch.device(task.device)
    bf16 = task.schedule.bf16 and device.type == "cuda"
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for drawn in batches:
        batch = tuple(part.to(device, non_blocking=True) for part in drawn)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = task.loss(task.model, batch) / count
        total += loss.item()
        loss.backward()  # type: ignore[no-untyped-call]
    total = sum_gradients(task.model, total)
    if not math.isfinite(total):
        raise FloatingPointError(f"the loss of step {step} is {total}")
    optimizer.step()
    if task.after_step is not None:
        task.after_step(task.model)
    return total


def _draw_steps(task: Training, epoch: int, first: int) -> Iterator[tuple[list[Batch], int]]:
    """Of each step of an epoch, from its step ``first`` on: our batches, and how many all take."""
    take, rank, processes = task.schedule.accumulate, process_rank(), process_count()
    starts = range(first * take, task.schedule.batches_per_epoch, take)
    steps = [range(start, min(start + take, task.schedule.batches_per_epoch)) for start in starts]
    ours = [numbers[rank::processes] for numbers in steps]
    draw = _Drawing(task, epoch)
    flat = list(itertools.chain.from_iterable(ours))
    batches = iter(load_batches(draw, flat, task.device, task.workers))
    for numbers, all_numbers in zip(ours, steps, strict=True):
        yield list(itertools.islice(batches, len(numbers))), len(all_numbers)


class _Drawing:
    """Draws the batches of one epoch by number."""

    def __init__(self, task: Training, epoch: int) -> None:
        self._task, self._epoch = task, epoch

    def __call__(self, number: int) -> Batch:
        with seeded((self._task.seed, self._epoch, number)):
            return self._task.batch(self._epoch, number)
