"""The gate: a release passes when a baseline learns more from it than from shuffled labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pipeline.datasets.release import find_leaks
from pipeline.engine.checks import Check, failures
from pipeline.engine.compute import reproducible, use_device
from pipeline.engine.errors import StickerworksError
from pipeline.training.contract import Baseline, GateScore, Judges, Learner, NotJudgedError
from pipeline.training.examples import Dataset, Use
from pipeline.training.gate_checks import check_test, learning_checks, noise_bound, noise_checks
from pipeline.training.gate_compared import Compared, compare, falls_by
from pipeline.training.gate_rows import NAMED, rows_used, undecodable
from pipeline.training.gate_runs import judge, score_across
from pipeline.training.label_noise import LabelNoise, estimate_noise
from pipeline.training.loop import Point
from pipeline.training.runs import find_baseline, find_preset
from schemas.config import ValidateConfig

Report = Callable[[str], None]
Verdict = Literal["passed", "failed", "not judged"]

AT_MOST = {"train": 20_000, "validation": 5_000, "test": 5_000}
"""Rows of each split that the gate takes."""
_ALL = "all splits"
"""Label noise is estimated for them together, too: alone, each may have too few tags to be sure."""


@dataclass(frozen=True)
class GateResult:
    """The verdict and all that it rests on; JSON-able through ``dataclasses.asdict``.

    ``passed`` is true for the verdict ``passed`` alone. ``rows`` says how many rows of a split
    were used, ``counts`` what became of the others. ``figure`` names what was measured on the
    validation rows for the ``real`` run and the ``control``; ``difference`` is real - control and
    ``interval`` its 95% bootstrap interval over those rows. ``p_value`` is the share of
    permutations of the validation rows' truth by which the real run does as well as by their own:
    on few rows, two runs that know nothing may differ by more than the margin. ``test`` is the
    same for the test rows, ``label_noise`` the share of tags that belong to other rows, by split
    and of all. ``curves`` and ``metrics`` are those of both runs, ``checks`` all that was held
    against a bound.
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
    real_interval: tuple[float, float] | None = None
    test: Compared | None = None
    label_noise: dict[str, LabelNoise | None] | None = None
    checks: tuple[Check, ...] = ()
    curves: dict[str, list[dict[str, float]]] | None = None
    metrics: dict[str, dict[str, dict[str, float]]] | None = None


def validate_release(
    folder: Path,
    config: ValidateConfig,
    findings: Sequence[str] | None = None,
    report: Report = lambda line: None,
) -> GateResult:
    """Train the baseline on the release and on a copy whose train rows are shuffled.

    ``findings`` are problems that verifying and looking at it found; any of them fails the
    release. Without findings (None) the gate looks for leaks between splits itself, and fails it
    for more undecodable images than ``config.max_unreadable`` allows. Too few rows or tags, or a
    model that diverges, give the verdict ``not judged``. Raises StickerworksError when there is no
    release, a shard can't be read, or there is no such baseline.
    """
    baseline = find_baseline(config.baseline)
    settings = gate_settings(baseline, config)
    found = tuple(find_leaks(folder) if findings is None else findings)
    facts: dict[str, Any] = {
        "release": folder.resolve().name,
        "baseline": baseline.name,
        "settings": config.model_dump(mode="json"),
        "margin": config.margin,
        "findings": found,
    }
    looked = findings is not None
    try:
        report(f"training {baseline.name} on {facts['release']}")
        real = _train(baseline, folder, config, settings, shuffled=False)
        facts |= rows_used(real.uses, real.notes, real.tags)
        report("training the control on shuffled labels")
        control = _train(baseline, folder, config, settings, shuffled=True)
        compared = compare(real.judged, control.judged, real.rows, config.seed)
        if compared is None:
            reason = f"the {real.judged.figure} of a run is no number"
            return _unjudged(reason, config, facts, looked)
        noise = _noise(baseline, folder, config, settings, real, report)
    except NotJudgedError as error:
        return _unjudged(error.reason, config, {**facts, **rows_used(error.uses)}, looked)
    except FloatingPointError as error:
        reason = f"the baseline {baseline.name} diverged: {error}"
        return _unjudged(reason, config, {**rows_used({}), **facts}, looked)
    faults = _faults(config, facts, looked)
    return _judged(real, control, compared, noise, faults, config, facts)


def gate_settings(baseline: Learner[Any, Any], config: ValidateConfig) -> Any:
    """The configured preset with what is changed of it; StickerworksError for what can't judge."""
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
    dataset = Dataset(folder, shuffled, config.seed, AT_MOST, config.domain, config.target)
    with use_device(config.device), reproducible(config.seed):
        return judge(baseline, dataset, settings, config.seed)


def _noise(
    baseline: Learner[Any, Any],
    folder: Path,
    config: ValidateConfig,
    settings: Any,
    real: GateScore,
    report: Report,
) -> dict[str, LabelNoise | None]:
    """Estimates by split and of all; none for one that doesn't score tags, or where any may be.

    Two more runs, each on half of train and for half as long, score the rows of train.
    """
    if not real.held_out or not isinstance(baseline, Baseline) or config.max_label_noise >= 1:
        return {}
    report("training on halves of train, to estimate how many tags are wrong")
    dataset = Dataset(folder, False, config.seed, AT_MOST, config.domain, config.target)
    with use_device(config.device), reproducible(config.seed):
        train = score_across(baseline, dataset, _shorter(settings), config.seed)
    splits = {"train": train, **real.held_out}
    parts = {**{split: (split,) for split in splits}, _ALL: tuple(splits)}
    found = {}
    for name, part in parts.items():
        voted = _voted([real.uses[split] for split in part])
        scored = [splits[split] for split in part]
        found[name] = estimate_noise(scored, noise_bound(voted, config), config.seed, voted=voted)
    return found


def _voted(uses: Sequence[Use]) -> bool:
    return 2 * sum(use.voted for use in uses) >= sum(use.used for use in uses)


def _shorter(settings: Any) -> Any:
    epochs = getattr(settings, "epochs", 1)
    return replace(settings, epochs=-(-epochs // 2)) if epochs > 1 else settings


def _unjudged(
    reason: str, config: ValidateConfig, facts: dict[str, Any], looked: bool
) -> GateResult:
    # A leak, or damage, needs no training to fail a release.
    faults = _faults(config, facts, looked)
    verdict: Verdict = "failed" if faults else "not judged"
    remedy = "Only a release that was judged and passed ends with exit code 0."
    checks = (Check("labels teach", "not judged", reason=reason, remedy=remedy),)
    return GateResult(
        verdict=verdict, passed=False, reasons=(*faults, reason), checks=checks, **facts
    )


def _faults(config: ValidateConfig, facts: Mapping[str, Any], looked: bool) -> list[str]:
    """What fails a release whatever it teaches."""
    faults = list(facts["findings"])
    share, told = undecodable(facts["counts"])
    if share > config.max_unreadable and not looked:
        named = "; ".join(facts["unreadable"][:NAMED])
        faults.insert(0, f"{told}; {config.max_unreadable:.2%} are allowed: {named}")
    return faults


def _judged(
    real: GateScore,
    control: GateScore,
    compared: Compared,
    noise: dict[str, LabelNoise | None],
    faults: list[str],
    config: ValidateConfig,
    facts: dict[str, Any],
) -> GateResult:
    checks = list(learning_checks(compared, config))
    test, falls = _test(real, control, config.seed)
    rows = real.uses["test"].used if "test" in real.uses else None
    checks.append(check_test(test, rows, compared, falls, config))
    checks += noise_checks(noise, config)
    reasons = (*faults, *failures(checks))
    runs = {"real": real, "control": control}
    return GateResult(
        verdict="failed" if reasons else "passed",
        passed=not reasons,
        reasons=reasons,
        figure=compared.figure,
        real=compared.real,
        control=compared.control,
        difference=compared.difference,
        interval=compared.interval,
        p_value=compared.p_value,
        real_interval=compared.real_interval,
        test=test,
        label_noise=noise,
        checks=tuple(checks),
        curves={name: [_flat(point) for point in run.curve] for name, run in runs.items()},
        metrics={
            name: {row: dict(figures) for row, figures in run.judged.table.items()}
            for name, run in runs.items()
        },
        **facts,
    )


def _test(real: GateScore, control: GateScore, seed: int) -> tuple[Compared | None, float]:
    """Both runs on test, and by how much it is lower than validation at least."""
    if real.test is None or control.test is None:
        return None, 0.0
    falls = falls_by(real.judged, real.rows, real.test, real.test_rows, seed)
    return compare(real.test, control.test, real.test_rows, seed), falls


def _flat(point: Point) -> dict[str, float]:
    return {"epoch": point.epoch, "loss": point.loss, **point.metrics}
