"""Keeps what a run does in its folder: log, checkpoints, weights, curves."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.training.checkpoint import load_checkpoint, save_checkpoint, save_weights
from pipeline.training.estimators import WEIGHTS
from pipeline.training.loop import LoopState, Point, StepLog
from pipeline.training.pictures import draw_curves
from pipeline.training.processes import wait_for_first

LOG, CHECKPOINT = "steps.jsonl", "checkpoint.safetensors"
CURVES, POINTS = "curves.png", "curve.json"
SAMPLES = "samples"
_SAVE_EVERY = 200


class RunCheckpointer:
    """Keeps steps, checkpoints and weights of a run in its folder, so that a kill loses nothing.

    ``each_step`` is told how many of the steps are done; ``draw`` gets the model, a folder for
    pictures and the epoch that has ended.
    """

    def __init__(
        self,
        folder: Path,
        select_on: str | None,
        each_step: Callable[[int], None],
        draw: Callable[[nn.Module, Path, int], None] | None = None,
    ) -> None:
        self._folder, self._select_on, self._each_step = folder, select_on, each_step
        self._draw_samples = draw
        self.waited_s = 0.0
        """Seconds that steps waited for their batches; in no file, since files must repeat."""

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> LoopState:
        """Go back to the last checkpoint, and the log with it."""
        wait_for_first()
        progress = load_checkpoint(self._folder / CHECKPOINT, model, optimizer) or LoopState()
        log = self._folder / LOG
        lines = log.read_bytes().splitlines(keepends=True) if log.exists() else []
        lines = [line for line in lines if line.endswith(b"\n")]  # a kill cuts the last one
        if len(lines) < progress.step:
            raise StickerworksError(
                f"{log} has {len(lines)} lines; the checkpoint beside it has done {progress.step} "
                "steps.",
                "Train again with --fresh.",
            )
        with atomic_file(log) as temporary:
            temporary.write_bytes(b"".join(lines[: progress.step]))
        self._file = log.open("a", encoding="utf-8", buffering=1)
        if progress.step:
            self._draw(progress)
        return progress

    def log(self, step: StepLog, waited_s: float) -> None:
        self.waited_s += waited_s
        self._file.write(json.dumps(asdict(step)) + "\n")
        self._each_step(step.step + 1)

    def save(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: LoopState, ended: bool
    ) -> None:
        """Write a checkpoint after each epoch and every few steps between."""
        if not ended and progress.step % _SAVE_EVERY:
            return
        # The log first: a checkpoint must never be ahead of it, also after a power cut.
        os.fsync(self._file.fileno())
        if ended and kept_point(progress.curve, self._select_on) is progress.curve[-1]:
            save_weights(self._folder / WEIGHTS, model)
        if ended and self._draw_samples is not None:
            self._draw_samples(model, self._folder / SAMPLES, progress.curve[-1].epoch)
        save_checkpoint(self._folder / CHECKPOINT, model, optimizer, progress)

    def finish(self, curve: tuple[Point, ...]) -> None:
        """Write the curve as JSON and as a picture."""
        self._file.close()
        points = [asdict(point) for point in curve]
        with atomic_file(self._folder / POINTS) as temporary:
            temporary.write_text(json.dumps(points, indent=1), encoding="utf-8")
        self._draw(LoopState(curve=list(curve)))

    def _draw(self, progress: LoopState) -> None:
        lines = (self._folder / LOG).read_bytes().splitlines()
        steps = [StepLog(**json.loads(line)) for line in lines]
        with atomic_file(self._folder / CURVES) as temporary:
            draw_curves(temporary, steps, progress.curve)


def kept_point(curve: Sequence[Point], select_on: str | None) -> Point:
    """The epoch whose weights are kept: the first of the best, or the last."""
    if select_on is None:
        return curve[-1]

    def figure(point: Point) -> float:
        # NaN, an epoch without a figure, is kept only while there is nothing else.
        value = point.metrics[select_on]
        return -math.inf if math.isnan(value) else value

    return max(curve, key=figure)


class Follower:
    """Follows the run of another process: goes on from its checkpoint and writes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> LoopState:
        """Go back to the last checkpoint, but for the states of chance, which are another's."""
        wait_for_first()
        state = torch.get_rng_state()
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        progress = load_checkpoint(self._folder / CHECKPOINT, model, optimizer) or LoopState()
        torch.set_rng_state(state)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        return progress

    def log(self, step: StepLog, waited_s: float) -> None: ...

    def save(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: LoopState, ended: bool
    ) -> None: ...
