"""The gate: a release passes when a baseline learns more from it than from shuffled labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.baselines.contract import Baseline, Budget, Labelled, Run
from pipeline.baselines.data import Rows, find_leaks, label_rows, learnable_tags, read_rows
from pipeline.baselines.metrics import (
    mean_average_precision,
    metrics_at_cuts,
    resample_counts,
    weighted_map,
)
from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import load_plugin
from schemas.config import ValidateConfig

Report = Callable[[str], None]
Verdict = Literal["passed", "failed", "not judged"]

_TRAIN_AT_MOST = 20_000
_VALIDATION_AT_MOST = 5_000
_TRAIN_AT_LEAST = 8
_VALIDATION_AT_LEAST = 8
_VALIDATION_SMALL = 100
_RESAMPLES = 1000
_SHOWN = 20


@dataclass(frozen=True)
class GateResult:
    """The verdict and all that it rests on; JSON-able through ``dataclasses.asdict``.

    ``passed`` is true for the verdict ``passed`` alone. ``rows`` says how many rows of a split
    were used, ``counts`` what became of the others. ``difference`` is mAP(real) - mAP(control) on
    the validation rows and ``interval`` its 95% bootstrap interval over those rows. ``curves``
    and ``metrics`` are those of both runs.
    """

    verdict: Verdict
    passed: bool
    reasons: tuple[str, ...]
    release: str
    baseline: str
    settings: dict[str, Any]
    margin: float
    rows: dict[str, int]
    counts: dict[str, dict[str, int]]
    tags: tuple[str, ...]
    findings: tuple[str, ...]
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]
    map_real: float | None = None
    map_control: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    curves: dict[str, list[dict[str, float]]] | None = None
    metrics: dict[str, dict[str, dict[str, float]]] | None = None


@dataclass(frozen=True)
class _Task:
    train: Labelled
    validation: Labelled
    tags: tuple[str, ...]
    problem: str | None


def validate_release(
    folder: Path,
    config: ValidateConfig,
    findings: Sequence[str] | None = None,
    report: Report = lambda line: None,
) -> GateResult:
    """Train the baseline on the release and on a copy with its train labels shuffled.

    ``findings`` are problems that a verification found; any of them fails the release. Without
    them (None) the gate looks for leaks between splits itself. Too few rows or
    tags, or a model that diverges, give the verdict ``not judged``. Raises StickerworksError when
    there is no release, a shard can't be read, or there is no such baseline.
    """
    baseline: Baseline = load_plugin("baselines", config.baseline)
    if baseline.train is None:
        raise StickerworksError(
            f"The baseline {baseline.name} can't judge a release.",
            "Name another one in validation.baseline.",
        )
    train = read_rows(folder, "train", config.image_side, _TRAIN_AT_MOST)
    validation = read_rows(folder, "validation", config.image_side, _VALIDATION_AT_MOST)
    found = tuple(find_leaks(folder) if findings is None else findings)
    task = _make_task(train, validation)
    facts: dict[str, Any] = {
        "release": folder.resolve().name,
        "baseline": baseline.name,
        "settings": config.model_dump(mode="json"),
        "margin": config.margin,
        "rows": {"train": len(train.ids), "validation": len(validation.ids)},
        "counts": {"train": _counts(train), "validation": _counts(validation)},
        "tags": task.tags,
        "findings": found,
        "unreadable": (*train.unreadable, *validation.unreadable)[:_SHOWN],
        "notes": _notes(train, validation),
    }
    if task.problem is not None:
        return _unjudged(task.problem, facts)
    budget = Budget(config.epochs, config.seed)
    try:
        report(f"training {baseline.name} on {len(train.ids)} rows and {len(task.tags)} tags")
        real = baseline.train(task.train, task.validation, budget)
        report("training the control on shuffled labels")
        control = baseline.train(shuffle_labels(task.train, config.seed), task.validation, budget)
    except FloatingPointError as error:
        return _unjudged(f"the baseline {baseline.name} diverged: {error}", facts)
    return _judge(real, control, task, config, facts)


def shuffle_labels(rows: Labelled, seed: int) -> Labelled:
    """The same images with the rows of the truth permuted: how often tags occur stays the same."""
    order = np.random.default_rng((seed, 1)).permutation(len(rows.truth))
    return Labelled(rows.images, rows.truth[order])


def _make_task(train: Rows, validation: Rows) -> _Task:
    tags = learnable_tags(train)
    task = _Task(label_rows(train, tags), label_rows(validation, tags), tags, None)
    problem = None
    if len(train.ids) < _TRAIN_AT_LEAST:
        problem = _too_few("train", train, _TRAIN_AT_LEAST)
    elif len(validation.ids) < _VALIDATION_AT_LEAST:
        problem = _too_few("validation", validation, _VALIDATION_AT_LEAST)
    elif not tags:
        problem = "no tag stands on two or more train rows"
    elif not _telling(task):
        problem = "no tag that train teaches tells validation rows apart"
    return _Task(task.train, task.validation, tags, problem)


def _too_few(name: str, rows: Rows, needed: int) -> str:
    return (
        f"{name} has {len(rows.ids)} usable rows of {rows.sampled_from}; {needed} are needed "
        f"({rows.without_tags} have no tags, {rows.without_image} no image, "
        f"{len(rows.unreadable)} can't be decoded)"
    )


def _telling(task: _Task) -> bool:
    # A tag on every row, or on none, has the same average precision whatever the model says.
    in_train, in_validation = task.train.truth, task.validation.truth
    useful = ~in_train.all(0) & in_validation.any(0) & ~in_validation.all(0)
    return bool(useful.any())


def _unjudged(reason: str, facts: dict[str, Any]) -> GateResult:
    # A leak needs no training to fail a release.
    verdict: Verdict = "failed" if facts["findings"] else "not judged"
    reasons = (reason, *facts["findings"])
    return GateResult(verdict=verdict, passed=False, reasons=reasons, **facts)


def _judge(
    real: Run, control: Run, task: _Task, config: ValidateConfig, facts: dict[str, Any]
) -> GateResult:
    truth = task.validation.truth
    map_real = mean_average_precision(real.scores, truth)
    map_control = mean_average_precision(control.scores, truth)
    difference = map_real - map_control
    weights = resample_counts(len(truth), _RESAMPLES, config.seed)
    spread = weighted_map(real.scores, truth, weights) - weighted_map(
        control.scores, truth, weights
    )
    low, high = (float(value) for value in np.nanpercentile(spread, [2.5, 97.5]))
    reasons = list(facts["findings"])
    if difference < config.margin:
        reasons.append(
            f"real labels win by {difference:.3f} mAP; the margin is {config.margin:.3f}"
        )
    if low <= 0:
        reasons.append(f"the 95% interval of that difference starts at {low:.3f}, not above zero")
    runs = {"real": real, "control": control}
    return GateResult(
        verdict="failed" if reasons else "passed",
        passed=not reasons,
        reasons=tuple(reasons),
        map_real=map_real,
        map_control=map_control,
        difference=difference,
        interval=(low, high),
        curves={name: [asdict(point) for point in run.curve] for name, run in runs.items()},
        metrics={
            name: {cut: asdict(found) for cut, found in metrics_at_cuts(run.scores, truth).items()}
            for name, run in runs.items()
        },
        **facts,
    )


def _counts(rows: Rows) -> dict[str, int]:
    return {
        "in the release": rows.sampled_from,
        "used": len(rows.ids),
        "with effective tags": sum(rows.voted),
        "of them simulated": rows.simulated,
        "with suggested tags": len(rows.voted) - sum(rows.voted),
        "without tags": rows.without_tags,
        "without image": rows.without_image,
        "unreadable": len(rows.unreadable),
    }


def _notes(train: Rows, validation: Rows) -> tuple[str, ...]:
    notes = []
    voted, used = sum(train.voted) + sum(validation.voted), len(train.ids) + len(validation.ids)
    notes.append(f"target: effective tags for {voted} rows, suggested tags for {used - voted} rows")
    if train.simulated + validation.simulated:
        notes.append(
            f"{train.simulated + validation.simulated} rows have simulated votes: this judges the "
            "pipeline, not people's labels"
        )
    if len(validation.ids) < _VALIDATION_SMALL:
        notes.append(f"validation is very small ({len(validation.ids)} rows): the interval is wide")
    for name, rows, cap in (
        ("train", train, _TRAIN_AT_MOST),
        ("validation", validation, _VALIDATION_AT_MOST),
    ):
        if rows.sampled_from > cap:
            notes.append(f"{cap} of {rows.sampled_from} rows of {name} were used")
    return tuple(notes)
