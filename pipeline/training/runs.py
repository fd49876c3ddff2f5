"""Runs: what a training was made from, how far it has come, and what it gave."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline.engine.compute import reproducible, use_device
from pipeline.engine.errors import StickerworksError
from pipeline.engine.figures import is_share, tell, title_of
from pipeline.engine.plugins import PluginError, describe_plugin, load_plugin
from pipeline.training.checkpointer import Follower, RunCheckpointer, kept_point
from pipeline.training.contract import Baseline, Builds, Judges, Learner, Run, Trained
from pipeline.training.estimators import ESTIMATOR, WEIGHTS, model_file, save_estimator
from pipeline.training.examples import Dataset
from pipeline.training.loop import Checkpointer, Point, Training, shared_schedule, train_model
from pipeline.training.processes import (
    first_before_others,
    joined,
    process_count,
    process_rank,
)
from pipeline.training.run_folder import Recipe, lock_folder, open_folder, read_recipe
from pipeline.training.settings import change_settings, restore_settings
from pipeline.training.trainer import Prepared, fit, prepare

Report = Callable[[str], None]
EachStep = Callable[[int, int, int], None]


@dataclass(frozen=True)
class TrainRequest:
    """What a person asked for; None for ``epochs`` is the preset's.

    ``shuffled`` trains the control and ``domain`` on rows of one domain alone (see
    ``examples.Dataset``); ``changes`` are settings by name, as typed. ``target`` is the question
    whose answers are learnt, which may also stand among the changes. ``device`` is a GPU where
    there is one, unless named.
    """

    baseline: str
    release: Path
    output: Path
    preset: str = "tiny"
    epochs: int | None = None
    seed: int = 0
    fresh: bool = False
    shuffled: bool = False
    changes: Mapping[str, str] = field(default_factory=dict)
    domain: str | None = None
    device: str | None = None
    target: str | None = None


def train_run(request: TrainRequest, report: Report, each_step: EachStep) -> tuple[Point, ...]:
    """Start a run or continue it to its end; returns its curve, empty if it had no epochs.

    ``each_step`` gets the steps done, all steps, and the rows that they see. Raises
    StickerworksError when the baseline or the release isn't there, the folder holds something
    else, or the model diverges.
    """
    baseline = find_baseline(request.baseline)
    with use_device(request.device), reproducible(request.seed), joined(), ExitStack() as alone:
        alone.enter_context(first_before_others())
        prepared, recipe = _prepare(baseline, request)

        def loop(task: Training) -> tuple[Point, ...]:
            # Here and not before: what can't be built leaves no folder behind.
            alone.close()
            lines = (*prepared.notes, *run.notes)
            return _train_steps(
                request, recipe, task, len(prepared.train), lines, report, each_step
            )

        run = Run(request.seed, prepared.validation, loop)
        if isinstance(baseline, Builds):
            fit(baseline, prepared.train, prepared.settings, run)
        else:
            alone.close()
            _fit_whole(baseline, request, recipe, prepared, run, report)
    return run.curve


def _train_steps(
    request: TrainRequest,
    recipe: Recipe,
    task: Training,
    rows: int,
    notes: Sequence[str],
    report: Report,
    each_step: EachStep,
) -> tuple[Point, ...]:
    """Train in our loop, with checkpoints in the run's folder."""
    if process_rank() > 0:
        # Chance within the model differs from the first process's.
        torch.manual_seed(request.seed + process_rank())
        return _train(request, task, Follower(request.output))
    with lock_folder(request.output):
        open_folder(request.output, recipe, request.fresh)
        steps = shared_schedule(task.schedule).steps
        several = f" in {process_count()} processes" if process_count() > 1 else ""
        # A folder's own notes come with each of its splits.
        for line in dict.fromkeys(notes):
            report(line)
        report(f"{steps:,} steps on {task.device}{several}")
        checkpointer = RunCheckpointer(
            request.output,
            task.select_on,
            lambda done: each_step(done, steps, rows * task.schedule.epochs),
            task.draw,
        )
        started = time.perf_counter()
        curve = _train(request, task, checkpointer)
        checkpointer.finish(curve)
        took = time.perf_counter() - started
        report(f"waited for data {checkpointer.waited_s:.1f} s of {took:.1f} s")
        report(_tell_kept(curve, task.select_on))
    return curve


def _fit_whole(
    baseline: Learner[Any, Any],
    request: TrainRequest,
    recipe: Recipe,
    prepared: Prepared,
    run: Run,
    report: Report,
) -> None:
    """Fit what knows no steps; a run of it that was interrupted starts over, a whole one stays."""
    if process_count() > 1:
        raise StickerworksError(
            f"The baseline {baseline.name} trains in one process.", "Start it without torchrun."
        )
    with lock_folder(request.output):
        open_folder(request.output, recipe, request.fresh)
        for line in dict.fromkeys(prepared.notes):
            report(line)
        if (request.output / ESTIMATOR).exists():
            report(f"{ESTIMATOR} is there already; --fresh makes it anew")
            return
        started = time.perf_counter()
        model = fit(baseline, prepared.train, prepared.settings, run)
        save_estimator(baseline, model, request.output / ESTIMATOR)
        for line in run.notes:
            report(line)
        report(f"{ESTIMATOR} has the model, fitted in {time.perf_counter() - started:.1f} s")


def _tell_kept(curve: tuple[Point, ...], select_on: str | None) -> str:
    kept = kept_point(curve, select_on)
    if select_on is None:
        return f"{WEIGHTS} has the weights of the last epoch, {kept.epoch}"
    value = kept.metrics[select_on]
    best = f"{title_of(select_on)} {tell(value, is_share(select_on, [value]))}"
    return f"{WEIGHTS} has the weights of epoch {kept.epoch}, the best one: {best}"


def _train(request: TrainRequest, task: Training, checkpointer: Checkpointer) -> tuple[Point, ...]:
    try:
        return train_model(task, checkpointer)
    except FloatingPointError as error:
        raise StickerworksError(
            f"The run in {request.output} diverged: {error}.",
            "Start over with --fresh and a lower rate: --with learning_rate=RATE.",
        ) from error


def open_run(folder: Path) -> tuple[Learner[Any, Any], Recipe, Trained]:
    """A run's baseline, recipe and model; raises StickerworksError when there are none."""
    recipe = read_recipe(folder)
    baseline = find_baseline(recipe.baseline) if recipe else None
    if recipe is None or baseline is None or not model_file(baseline, folder).exists():
        raise StickerworksError(
            f"There is no trained run in {folder}.",
            "`stickerworks train NAME --release FOLDER --output FOLDER` makes one.",
        )
    try:
        settings = restore_settings(baseline.presets[recipe.preset], recipe.settings)
    except (KeyError, TypeError) as error:
        raise StickerworksError(
            f"The run in {folder} is of another version of the baseline {baseline.name}: {error}.",
            "Train it again with --fresh.",
        ) from error
    return baseline, recipe, Trained(settings, recipe.facts, model_file(baseline, folder))


def find_baseline(name: str) -> Learner[Any, Any]:
    """A baseline by name; an unknown one is answered with the known ones.

    PluginError for one that can neither score tags nor be judged otherwise, or whose settings
    lack the side of the images that it sees.
    """
    found: Learner[Any, Any] = load_plugin("baselines", name, Learner)
    lacks = None if isinstance(found, Baseline | Judges) else "has no `score`"
    for preset, settings in found.presets.items():
        if not is_dataclass(settings):
            lacks = f"has settings in its preset {preset!r} that are no dataclass"
        elif not hasattr(settings, "image_side"):
            lacks = f"has no `image_side` in the settings of its preset {preset!r}"
    if lacks:
        raise PluginError(
            f"{describe_plugin('baselines', name)} {lacks}.", "docs/plugins says what one needs."
        )
    return found


def find_preset(
    baseline: Learner[Any, Any], name: str, changes: Mapping[str, str] | None = None
) -> Any:
    """Settings by the name of a preset, perhaps changed; a wrong name is answered with the right
    ones."""
    if name not in baseline.presets:
        known = ", ".join(baseline.presets) or "none"
        raise StickerworksError(
            f"The baseline {baseline.name} has no preset {name!r}.",
            f"Name one with --preset: {known}.",
        )
    return change_settings(baseline.presets[name], changes or {})


def _prepare(baseline: Learner[Any, Any], request: TrainRequest) -> tuple[Prepared, Recipe]:
    epochs = {} if request.epochs is None else {"epochs": str(request.epochs)}
    target, changes = _target(baseline, request)
    settings = find_preset(baseline, request.preset, {**changes, **epochs})
    dataset = Dataset(
        request.release, request.shuffled, request.seed, domain=request.domain, target=target
    )
    prepared = prepare(baseline, dataset, settings)
    recipe = Recipe(
        baseline=baseline.name,
        preset=request.preset,
        settings=asdict(prepared.settings),
        seed=request.seed,
        facts=prepared.facts,
        release=str(request.release.resolve()),
        shuffled=request.shuffled,
        processes=process_count(),
        domain=request.domain,
        target=target,
    )
    return prepared, recipe


def _target(
    baseline: Learner[Any, Any], request: TrainRequest
) -> tuple[str | None, Mapping[str, str]]:
    """The question whose answers are learnt, and the changes without it.

    ``--with target=emotion`` means it too, where the baseline has no such setting of its own.
    """
    own = any(hasattr(settings, "target") for settings in baseline.presets.values())
    if own or "target" not in request.changes:
        return request.target, request.changes
    named = request.changes["target"] or None
    if request.target not in (None, named):
        raise StickerworksError(
            f"Two targets are named: {request.target} and {named}.", "Leave one of them out."
        )
    return named, {name: text for name, text in request.changes.items() if name != "target"}
