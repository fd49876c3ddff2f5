"""Run folders: what a training was made from, how far it has come, and what it gave."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from pipeline.engine.compute import reproducible
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.figures import is_share, tell, title_of
from pipeline.engine.locks import locked
from pipeline.engine.plugins import load_plugin
from pipeline.engine.storage import atomic_file
from pipeline.training.checkpointer import (
    CHECKPOINT,
    CURVES,
    LOG,
    POINTS,
    SAMPLES,
    WEIGHTS,
    Follower,
    RunCheckpointer,
    kept_point,
)
from pipeline.training.contract import Baseline, Prepared, Trained
from pipeline.training.examples import Dataset
from pipeline.training.loop import Checkpointer, Point, Training, shared_schedule, train_model
from pipeline.training.processes import (
    first_before_others,
    joined,
    process_count,
    process_rank,
)
from pipeline.training.settings import change_settings, restore_settings

_RECIPE = "run.json"
_OURS = (_RECIPE, LOG, CHECKPOINT, WEIGHTS, CURVES, POINTS)

Report = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """All that decides a run, as ``run.json`` holds it; only ``release`` may move."""

    baseline: str
    preset: str
    settings: dict[str, Any]
    seed: int
    facts: dict[str, Any]
    release: str
    shuffled: bool = False
    processes: int = 1
    domain: str | None = None


@dataclass(frozen=True)
class TrainRequest:
    """What a person asked for; None for ``epochs`` is the preset's.

    ``shuffled`` trains the control and ``domain`` on rows of one domain alone (see
    ``examples.Dataset``); ``changes`` are settings by name, as typed.
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


def train_run(
    request: TrainRequest, report: Report, each_step: Callable[[int, int, int], None]
) -> tuple[Point, ...]:
    """Start a run or continue it to its end; returns its curve.

    ``each_step`` gets the steps done, all steps, and the rows that they see. Raises
    StickerworksError when the baseline or the release isn't there, the folder holds something
    else, or the model diverges.
    """
    with reproducible(request.seed), joined():
        # The data before the folder: a release that isn't there leaves no folder behind.
        with first_before_others():
            prepared, recipe = _prepare(request)
        task = prepared.task
        if process_rank() > 0:
            # Chance within the model differs from the first process's.
            torch.manual_seed(request.seed + process_rank())
            return _train(request, task, Follower(request.output))
        with _locked(request.output):
            _open_folder(request, recipe)
            steps = shared_schedule(task.schedule).steps
            rows = prepared.rows * task.schedule.epochs
            several = f" in {process_count()} processes" if process_count() > 1 else ""
            # A folder's own notes come with each of its splits.
            for line in dict.fromkeys(prepared.notes):
                report(line)
            report(f"{steps:,} steps on {task.device}{several}")
            checkpointer = RunCheckpointer(
                request.output,
                task.select_on,
                lambda done: each_step(done, steps, rows),
                task.draw,
            )
            started = time.perf_counter()
            curve = _train(request, task, checkpointer)
            checkpointer.finish(curve)
            took = time.perf_counter() - started
            report(f"waited for data {checkpointer.waited_s:.1f} s of {took:.1f} s")
            report(_tell_kept(curve, task.select_on))
    return curve


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


def open_run(folder: Path) -> tuple[Baseline, Recipe, Trained]:
    """A run's baseline, recipe and weights; raises StickerworksError when there are none."""
    recipe = _read_recipe(folder)
    if recipe is None or not (folder / WEIGHTS).exists():
        raise StickerworksError(
            f"There is no trained run in {folder}.",
            "`stickerworks train NAME --release FOLDER --output FOLDER` makes one.",
        )
    baseline = find_baseline(recipe.baseline)
    try:
        settings = restore_settings(baseline.presets[recipe.preset], recipe.settings)
    except (KeyError, TypeError) as error:
        raise StickerworksError(
            f"The run in {folder} is of another version of the baseline {baseline.name}: {error}.",
            "Train it again with --fresh.",
        ) from error
    return baseline, recipe, Trained(settings, recipe.facts, folder / WEIGHTS)


def find_baseline(name: str) -> Baseline:
    """A baseline by name; an unknown one is answered with the known ones."""
    return load_plugin("baselines", name, Baseline)


def find_preset(baseline: Baseline, name: str) -> Any:
    """Settings by the name of a preset; an unknown one is answered with the known ones."""
    if name not in baseline.presets:
        known = ", ".join(baseline.presets) or "none"
        raise StickerworksError(
            f"The baseline {baseline.name} has no preset {name!r}.",
            f"Name one with --preset: {known}.",
        )
    return baseline.presets[name]


def _prepare(request: TrainRequest) -> tuple[Prepared, Recipe]:
    baseline = find_baseline(request.baseline)
    if baseline.prepare is None:
        raise StickerworksError(
            f"The baseline {baseline.name} serves the gate alone.", "Train another one."
        )
    settings = change_settings(find_preset(baseline, request.preset), request.changes)
    if request.epochs is not None:
        settings = replace(settings, epochs=request.epochs)
    dataset = Dataset(request.release, request.shuffled, request.seed, domain=request.domain)
    prepared = baseline.prepare(dataset, settings, request.seed)
    settings = settings if prepared.settings is None else prepared.settings
    recipe = Recipe(
        baseline=baseline.name,
        preset=request.preset,
        settings=asdict(settings),
        seed=request.seed,
        facts=prepared.facts,
        release=str(request.release.resolve()),
        shuffled=request.shuffled,
        processes=process_count(),
        domain=request.domain,
    )
    return prepared, recipe


def _open_folder(request: TrainRequest, recipe: Recipe) -> None:
    folder = request.output
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if names and _RECIPE not in names:
        raise StickerworksError(
            f"{folder} is no run: it holds {names[0]}.", "Name a new folder with --output."
        )
    # Of a run that was killed while writing; the short names are those of safetensors.
    for pattern in (".tmp??????", *(f".{name}.*.tmp" for name in _OURS)):
        for left in folder.glob(pattern):
            left.unlink()
    earlier = None if request.fresh else _read_recipe(folder)
    if earlier is not None:
        _check_same(folder, earlier, recipe)
    if request.fresh:
        shutil.rmtree(folder / SAMPLES, ignore_errors=True)
        # The recipe last: without it the folder would look like someone else's.
        for name in reversed(_OURS):
            (folder / name).unlink(missing_ok=True)
    with atomic_file(folder / _RECIPE) as temporary:
        temporary.write_text(
            json.dumps(asdict(recipe), ensure_ascii=False, indent=1), encoding="utf-8"
        )


def _check_same(folder: Path, earlier: Recipe, recipe: Recipe) -> None:
    # Through JSON, as the earlier one came: tuples are lists there.
    wanted = json.loads(json.dumps(asdict(recipe)))
    if earlier.baseline != recipe.baseline:
        difference = f"of the baseline {earlier.baseline}, not {recipe.baseline}"
    elif earlier.domain != recipe.domain:
        names = [one or "every domain" for one in (earlier.domain, recipe.domain)]
        difference = f"on {names[0]}, not {names[1]}"
    elif earlier.facts != wanted["facts"]:
        difference = "on other data"
    else:
        # A step of several processes is another step, so the count belongs to the run.
        pairs = {
            name: (getattr(earlier, name), getattr(recipe, name))
            for name in ("preset", "seed", "processes")
        }
        pairs |= {
            name: (earlier.settings.get(name), value) for name, value in wanted["settings"].items()
        }
        differing = [f"{name} {a}, not {b}" for name, (a, b) in pairs.items() if a != b]
        if not differing:
            return
        difference = f"with {'; '.join(differing)}"
    raise StickerworksError(
        f"{folder} holds a run {difference}.",
        "Name another folder with --output, or start over with --fresh.",
    )


def _read_recipe(folder: Path) -> Recipe | None:
    try:
        return Recipe(**json.loads((folder / _RECIPE).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError) as error:
        raise StickerworksError(
            f"{folder / _RECIPE} is damaged: {error}.", "Train again with --fresh."
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with disk_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise StickerworksError(f"{folder} is no folder.", "Name one with --output.")
        folder.mkdir(parents=True, exist_ok=True)
    busy = StickerworksError(
        f"Another `stickerworks train` is at work in {folder}.",
        "Wait for it to end, or name another folder with --output.",
    )
    with locked(folder, lambda descriptor: busy):
        yield
