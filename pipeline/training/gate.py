"""The gate: a release passes when a baseline learns more from it than from shuffled labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.datasets.release import find_leaks
from pipeline.engine.compute import reproducible, use_device
from pipeline.engine.errors import StickerworksError
from pipeline.engine.figures import is_share, points
from pipeline.training.contract import Baseline, GateScore, Judges, Learner, NotJudgedError
from pipeline.training.examples import Dataset, Use
from pipeline.training.loop import Point
from pipeline.training.metrics import resample_counts
from pipeline.training.runs import find_baseline, find_preset
from pipeline.training.trainer import judge
from schemas.config import ValidateConfig

Report = Callable[[str], None]
Verdict = Literal["passed", "failed", "not judged"]

AT_MOST = {"train": 20_000, "validation": 5_000}
"""Rows of each split that the gate takes."""

_VALIDATION_SMALL = 100
_RESAMPLES = 1000
_PERMUTATIONS = 499
_SHOWN = 20
_NAMED = 3


@dataclass(frozen=True)
class GateResult:
    """The verdict and all that it rests on; JSON-able through ``dataclasses.asdict``.

    ``passed`` is true for the verdict ``passed`` alone. ``rows`` says how many rows of a split
    were used, ``counts`` what became of the others. ``figure`` names what was measured on the
    validation rows for the ``real`` run and the ``control``; ``difference`` is real - control and
    ``interval`` its 95% bootstrap interval over those rows. ``p_value`` is the share of
    permutations of the validation rows' truth by which the real run does as well as by their own:
    on few rows, two runs that know nothing may differ by more than the margin. ``curves`` and
    ``metrics`` are those of both runs.
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
    figure: str | None = None
    real: float | None = None
    control: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    curves: dict[str, list[dict[str, float]]] | None = None
    metrics: dict[str, dict[str, dict[str, float]]] | None = None


def validate_release(
    folder: Path,
    config: ValidateConfig,
    findings: Sequence[str] | None = None,
    report: Report = lambda line: None,
) -> GateResult:
    """Train the baseline on the release and on a copy whose train rows are shuffled.

    ``findings`` are problems that a verification found; any of them fails the release, and so do
    more undecodable images than ``config.max_unreadable`` allows. Without findings (None) the gate
    looks for leaks between splits itself. Too few rows or tags, or a model that diverges, give the
    verdict ``not judged``. Raises StickerworksError when there is no
    release, a shard can't be read, or there is no such baseline.
    """
    baseline = find_baseline(config.baseline)
    settings = _settings(baseline, config)
    found = tuple(find_leaks(folder) if findings is None else findings)
    facts: dict[str, Any] = {
        "release": folder.resolve().name,
        "baseline": baseline.name,
        "settings": config.model_dump(mode="json"),
        "margin": config.margin,
        "findings": found,
    }
    try:
        report(f"training {baseline.name} on {facts['release']}")
        real = _train(baseline, folder, config, settings, shuffled=False)
        facts |= _facts(real.uses, real.notes, real.tags)
        report("training the control on shuffled labels")
        control = _train(baseline, folder, config, settings, shuffled=True)
    except NotJudgedError as error:
        return _unjudged(error.reason, config, {**facts, **_facts(error.uses)})
    except FloatingPointError as error:
        reason = f"the baseline {baseline.name} diverged: {error}"
        return _unjudged(reason, config, {**_facts({}), **facts})
    return _compare(real, control, config, facts)


def _settings(baseline: Learner[Any, Any], config: ValidateConfig) -> Any:
    if not isinstance(baseline, Baseline | Judges):
        raise StickerworksError(
            f"The baseline {baseline.name} can't judge a release.",
            "Name another one in validation.baseline.",
        )
    given = {"epochs": config.epochs, "image_side": config.image_side}
    changes = {name: str(value) for name, value in given.items() if value}
    return find_preset(baseline, config.preset, changes)


def _train(
    baseline: Learner[Any, Any],
    folder: Path,
    config: ValidateConfig,
    settings: Any,
    shuffled: bool,
) -> GateScore:
    dataset = Dataset(folder, shuffled, config.seed, AT_MOST, config.domain)
    with use_device(config.device), reproducible(config.seed):
        return judge(baseline, dataset, settings, config.seed)


def _unjudged(reason: str, config: ValidateConfig, facts: dict[str, Any]) -> GateResult:
    # A leak, or damage, needs no training to fail a release.
    faults = _faults(config, facts)
    verdict: Verdict = "failed" if faults else "not judged"
    return GateResult(verdict=verdict, passed=False, reasons=(*faults, reason), **facts)


def _faults(config: ValidateConfig, facts: Mapping[str, Any]) -> list[str]:
    """What fails a release whatever it teaches."""
    faults = list(facts["findings"])
    share, told = _undecodable(facts["counts"])
    if share > config.max_unreadable:
        named = "; ".join(facts["unreadable"][:_NAMED])
        faults.insert(0, f"{told}; {config.max_unreadable:.2%} are allowed: {named}")
    return faults


def _undecodable(counts: Mapping[str, Mapping[str, int]]) -> tuple[float, str]:
    """Which share of the images that the rows carry can't be decoded, and the same in words."""
    lost, images = (sum(of[name] for of in counts.values()) for name in ("unreadable", "images"))
    share = lost / images if lost else 0.0
    return share, f"{lost:,} of {images:,} images ({share:.2%}) can't be decoded"


def _compare(
    real: GateScore, control: GateScore, config: ValidateConfig, facts: dict[str, Any]
) -> GateResult:
    once = np.ones((1, real.rows))
    value, baseline = float(real.judged.resample(once)[0]), float(control.judged.resample(once)[0])
    difference = value - baseline
    if not math.isfinite(difference):
        return _unjudged(f"the {real.judged.figure} of a run is no number", config, facts)
    weights = resample_counts(real.rows, _RESAMPLES, config.seed)
    spread = real.judged.resample(weights) - control.judged.resample(weights)
    low, high = (float(bound) for bound in np.nanpercentile(spread, [2.5, 97.5]))
    share = is_share(real.judged.figure, (value, baseline))
    reasons = _faults(config, facts)
    if difference < config.margin:
        wins, margin = (points(by, share) for by in (difference, config.margin))
        reasons.append(f"real labels win by {wins} of {real.judged.figure}; the margin is {margin}")
    if not low > 0:
        reasons.append(
            f"the 95% interval of that difference starts at {points(low, share)}, not above zero"
        )
    p_value = _p_value(real, value, config.seed)
    if p_value is not None and p_value > config.significance:
        reasons.append(
            f"by permuted truth the real run does as well in {p_value:.1%} of the cases; "
            f"{config.significance:.1%} are allowed"
        )
    runs = {"real": real, "control": control}
    return GateResult(
        verdict="failed" if reasons else "passed",
        passed=not reasons,
        reasons=tuple(reasons),
        figure=real.judged.figure,
        real=value,
        control=baseline,
        difference=difference,
        interval=(low, high),
        p_value=p_value,
        curves={name: [_flat(point) for point in run.curve] for name, run in runs.items()},
        metrics={
            name: {row: dict(figures) for row, figures in run.judged.table.items()}
            for name, run in runs.items()
        },
        **facts,
    )


def _p_value(real: GateScore, value: float, seed: int) -> float | None:
    """How likely scores that know nothing of the truth are as good as ``value``."""
    if real.judged.permute is None:
        return None
    random = np.random.default_rng((seed, 2))
    orders = np.stack([random.permutation(real.rows) for _ in range(_PERMUTATIONS)])
    as_good = real.judged.permute(orders) >= value
    return float((1 + as_good.sum()) / (1 + _PERMUTATIONS))


def _flat(point: Point) -> dict[str, float]:
    return {"epoch": point.epoch, "loss": point.loss, **point.metrics}


def _facts(
    uses: Mapping[str, Use], notes: Sequence[str] = (), tags: tuple[str, ...] = ()
) -> dict[str, Any]:
    counts = {split: _counts(use) for split, use in uses.items()}
    unreadable = tuple(line for use in uses.values() for line in use.unreadable)[:_SHOWN]
    lost = f"{_undecodable(counts)[1]}: {'; '.join(unreadable[:_NAMED])}"
    return {
        "rows": {split: use.used for split, use in uses.items()},
        "counts": counts,
        "tags": tags,
        "unreadable": unreadable,
        # Once each: both runs, and each split of a folder, bring some of the same.
        "notes": tuple(dict.fromkeys((*_notes(uses), *([lost] if unreadable else ()), *notes))),
    }


def _counts(use: Use) -> dict[str, int]:
    return {
        "in the release": use.in_split,
        "used": use.used,
        "with effective tags": use.voted,
        "of them simulated": use.simulated,
        "with suggested tags": use.used - use.voted,
        "without tags": use.without_targets,
        "without image": use.without_image,
        "images": use.sampled - use.without_image,
        "unreadable": len(use.unreadable),
    }


def _notes(uses: Mapping[str, Use]) -> list[str]:
    notes = []
    voted, used = sum(use.voted for use in uses.values()), sum(use.used for use in uses.values())
    notes.append(f"target: effective tags for {voted} rows, suggested tags for {used - voted} rows")
    simulated = sum(use.simulated for use in uses.values())
    if simulated:
        notes.append(
            f"{simulated} rows have simulated votes: this judges the pipeline, not people's labels"
        )
    validation = uses.get("validation")
    if validation is not None and validation.used < _VALIDATION_SMALL:
        notes.append(f"validation is very small ({validation.used} rows): the interval is wide")
    notes += [
        f"{use.sampled} of {use.in_split} rows of {split} were used"
        for split, use in uses.items()
        if use.sampled < use.in_split
    ]
    return notes
