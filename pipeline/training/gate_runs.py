"""The runs that the gate judges by: fitted on train, scored on rows that they never learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.training.contract import (
    Baseline,
    GateScore,
    Judged,
    Judges,
    Learner,
    NotJudgedError,
    Reads,
    Run,
    Scored,
    Settings,
)
from pipeline.training.examples import Dataset, Examples, Use, choose
from pipeline.training.loop import train_model
from pipeline.training.tagging import describe_few, judge_tags, score_tags, undecided
from pipeline.training.trainer import blaming, fit, read_split, resolve

S = TypeVar("S", bound=Settings)
AT_LEAST = 8
"""Rows of a split that can be judged."""
_WATCHED = 16
"""Rows by which a fit's curve is drawn where nobody looks at it."""


def judge(baseline: Learner[S, Any], dataset: Dataset, settings: S, seed: int) -> GateScore:
    """Fit, and judge the validation and test rows by the last epoch; nothing is chosen by them.

    Gives the same for the same arguments. Raises NotJudgedError when the data allow no judgement.
    """
    settings, _ = resolve(baseline, settings)
    train, *others = (
        read_split(baseline, dataset, split, settings) for split in ("train", "validation", "test")
    )
    validation, test = (replace(part, tags=train.tags) for part in others)
    uses = {"train": train.use, "validation": validation.use}
    reason = _too_few(uses) or _unjudgeable(baseline, train, validation, settings)
    uses |= {"test": test.use} if test.use.in_split else {}
    if reason:
        raise NotJudgedError(reason, uses)
    run = Run(seed, validation, train_model)
    model = fit(baseline, train, settings, run)
    judged, held_out = _judge(baseline, model, validation, settings)
    notes = list(run.notes)
    if isinstance(baseline, Baseline) and not isinstance(baseline, Judges):
        notes = [*describe_few(train.tags), *notes]
    if isinstance(baseline, Reads):  # what it left out by itself is in no count
        notes += [*train.notes, *validation.notes]
    scored = GateScore(
        judged, len(validation), run.curve, uses, tuple(notes), train.tags, held_out=held_out
    )
    if len(test) < AT_LEAST or _unjudgeable(baseline, train, test, settings):
        return scored
    judged, more = _judge(baseline, model, test, settings)
    return replace(scored, test=judged, test_rows=len(test), held_out={**held_out, **more})


def score_across(baseline: Baseline[S, Any], dataset: Dataset, settings: S, seed: int) -> Scored:
    """The train rows, each scored by a model that learnt from the other half alone."""
    settings, _ = resolve(baseline, settings)
    train = read_split(baseline, dataset, "train", settings)
    return score_halves(baseline, train, (), settings, seed)[0]


def score_halves(
    baseline: Baseline[S, Any],
    train: Examples,
    others: Sequence[Examples],
    settings: S,
    seed: int,
) -> tuple[Scored, ...]:
    """The train rows as ``score_across`` has them; then other splits, by both models' mean."""
    half = np.random.default_rng((seed, 4)).permutation(len(train)) % 2
    others = [replace(part, tags=train.tags) for part in others]
    scores = [np.zeros(part.truth.shape) for part in (train, *others)]
    for number in (0, 1):
        taught, judged = (
            replace(choose(train, partial(_is, half, which)), tags=train.tags)
            for which in (1 - number, number)
        )
        watched = choose(judged, lambda row: row < _WATCHED)
        model = fit(baseline, taught, settings, Run(seed, watched, train_model))
        scores[0][half == number] = score_tags(baseline, model, judged, settings)
        for place, part in enumerate(others, start=1):
            if len(part):
                scores[place] += score_tags(baseline, model, part, settings) / 2
    return tuple(
        Scored(part.ids, train.tags, found, part.truth)
        for part, found in zip((train, *others), scores, strict=True)
    )


def _is(half: NDArray[np.int64], which: int, row: int) -> bool:
    return bool(half[row] == which)


def _judge(
    baseline: Learner[S, Any], model: Any, examples: Examples, settings: S
) -> tuple[Judged, dict[str, Scored]]:
    """What a model is worth on rows, and their scores by split where it scores tags."""
    if isinstance(baseline, Judges):
        with blaming(baseline, f"while it judged {examples.name} rows"):
            return baseline.judge(model, examples, settings), {}
    assert isinstance(baseline, Baseline)
    scores = score_tags(baseline, model, examples, settings)
    scored = Scored(examples.ids, examples.tags, scores, examples.truth)
    return judge_tags(scores, scored.truth), {examples.name: scored}


def _unjudgeable(
    baseline: Learner[S, Any], train: Examples, validation: Examples, settings: S
) -> str | None:
    if not isinstance(baseline, Reads):
        return undecided(train, validation)
    reasons = (baseline.lacks(part, settings, AT_LEAST) for part in (train, validation))
    return next((reason for reason in reasons if reason), None)


def _too_few(uses: Mapping[str, Use]) -> str | None:
    """Why a split has too few rows to learn from or to be judged on, if so."""
    for split, use in uses.items():
        if use.used < AT_LEAST:
            return (
                f"{split} has {use.used} usable rows of {use.in_split}; {AT_LEAST} are needed "
                f"({use.without_targets} have no tags, {use.without_image} no image, "
                f"{len(use.unreadable)} can't be decoded)"
            )
    return None
