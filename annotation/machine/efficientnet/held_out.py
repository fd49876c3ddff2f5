"""Figures on stickers whose group was not learnt from, calibration included."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from annotation.machine import train_domain
from annotation.machine.domain_model import SHIPPED
from annotation.machine.efficientnet.calibration import (
    Calibration,
    calibration_error,
    fit_calibration,
    reliability,
)
from annotation.machine.efficientnet.samples import DomainSample
from pipeline.engine.atomic_files import atomic_file

Floats = NDArray[np.float64]
Scorer = Callable[[int, Sequence[DomainSample], Sequence[DomainSample]], Floats]
"""Trains on the first samples for fold number N and gives the log-odds of the second."""


@dataclass(frozen=True)
class HeldOut:
    """For each sample: its fold, log-odds from a model that has not seen its group, and the
    probability by a calibration that has not seen its fold."""

    samples: tuple[DomainSample, ...]
    folds: NDArray[np.int64]
    log_odds: Floats
    probabilities: Floats

    @property
    def real(self) -> NDArray[np.bool_]:
        return np.array([sample.real for sample in self.samples])


def hold_out(samples: Sequence[DomainSample], folds: NDArray[np.int64], scorer: Scorer) -> HeldOut:
    """Train once for each fold on all others, and score it."""
    log_odds = np.zeros(len(samples))
    for fold in np.unique(folds).tolist():
        out = folds == fold
        log_odds[out] = scorer(fold, _those(samples, ~out), _those(samples, out))
    real = np.array([sample.real for sample in samples])
    probabilities = np.zeros(len(samples))
    for fold in np.unique(folds).tolist():
        out = folds == fold
        probabilities[out] = fit_calibration(log_odds[~out], real[~out]).probabilities(
            log_odds[out]
        )
    return HeldOut(tuple(samples), folds, log_odds, probabilities)


def kept(scorer: Scorer, folder: Path, key: str) -> Scorer:
    """A scorer whose results stay in ``folder``, so that a run that was killed goes on there."""

    def score(fold: int, learn: Sequence[DomainSample], ask: Sequence[DomainSample]) -> Floats:
        path = folder / f"{key}-{fold}.json"
        ids = [sample.id for sample in ask]
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["ids"] == ids:
                return np.array(found["log_odds"], dtype=np.float64)
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there is none, or not a whole one: it is made anew
        log_odds = scorer(fold, learn, ask)
        with atomic_file(path) as temporary:
            text = json.dumps({"ids": ids, "log_odds": log_odds.tolist()})
            temporary.write_text(text, encoding="utf-8")
        return log_odds

    return score


def statistics_scorer(
    fold: int, learn: Sequence[DomainSample], ask: Sequence[DomainSample]
) -> Floats:
    """The default classifier's way, trained on the same stickers: what there is to beat."""
    penalty = json.loads(SHIPPED.read_text(encoding="utf-8"))["training"]["penalty_c"]
    names = np.array([sample.id for sample in learn])
    data = train_domain.Labelled(
        np.stack([sample.statistics for sample in learn]),
        np.array([sample.real for sample in learn]),
        names,
        names,
    )
    scaler, regression = train_domain.fit(data, penalty)
    asked = scaler.transform(np.stack([sample.statistics for sample in ask]))
    return np.asarray(regression.decision_function(asked), dtype=np.float64)


def figures(held: HeldOut) -> dict[str, Any]:
    """Everything that a report says of held-out results; labels are at probability 0.5."""
    real, said = held.real, held.probabilities >= 0.5
    right = said == real
    groups = np.array([sample.group for sample in held.samples])
    share = {name: float(right[groups == name].mean()) for name in np.unique(groups)}
    sizes = {name: int((groups == name).sum()) for name in share}
    worst = sorted(share, key=lambda name: (share[name], -sizes[name], name))[:10]
    uncalibrated = Calibration(1.0, 0.0).probabilities(held.log_odds)
    return {
        "protocol": f"{len(np.unique(held.folds))} folds over {len(share)} groups; no figure has "
        "seen its own group, and no calibration its own fold",
        "balanced_accuracy": _short(balanced_accuracy_score(real, said)),
        "accuracy": _short(right.mean()),
        "auc": _short(roc_auc_score(real, held.log_odds)),
        "uncalibrated_balanced_accuracy": _short(balanced_accuracy_score(real, held.log_odds >= 0)),
        "confusion": {
            name: {"real": int(said[of].sum()), "cartoon": int((~said[of]).sum())}
            for name, of in (("real", real), ("cartoon", ~real))
        },
        "calibration_error_before": _short(calibration_error(uncalibrated, real)),
        "calibration_error": _short(calibration_error(held.probabilities, real)),
        "reliability": reliability(held.probabilities, real),
        "worst_groups": [
            {"group": str(name), "right": round(share[name], 2), "stickers": sizes[name]}
            for name in worst
            if share[name] < 1
        ],
    }


def mistakes(held: HeldOut) -> list[dict[str, Any]]:
    """The stickers that are wrong, the surest first."""
    wrong = [
        {
            "id": sample.id,
            "name": sample.name,
            "group": sample.group,
            "domain": "real" if sample.real else "cartoon",
            "probability": probability,
        }
        for sample, probability in zip(held.samples, held.probabilities.tolist(), strict=True)
        if sample.real != (probability >= 0.5)
    ]
    return sorted(wrong, key=lambda row: (-abs(row["probability"] - 0.5), row["id"]))


def _those(samples: Sequence[DomainSample], chosen: NDArray[np.bool_]) -> list[DomainSample]:
    return [sample for sample, taken in zip(samples, chosen, strict=True) if taken]


def _short(value: float) -> float:
    return round(float(value), 4)
