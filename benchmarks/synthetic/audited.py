"""Populations that a rule was applied to, with planted mistakes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.filter.audit.answers import Answer
from pipeline.filter.audit.sampling import Population, Sample
from schemas.config import RuleConfig

_BOUND = 10.0


@dataclass(frozen=True)
class Planted:
    """How many a rule drops and keeps, and the chance that a dropped one should be dropped: at
    the bound, and far beyond it."""

    dropped: int
    kept: int
    at_bound: float
    far: float


CASES: Mapping[str, Planted] = {
    "errors near the bound": Planted(3_000, 6_000, 0.5, 1.0),
    "nearly all right": Planted(3_000, 6_000, 0.95, 0.99),
    "half wrong": Planted(3_000, 6_000, 0.5, 0.5),
    "errors far from it": Planted(3_000, 6_000, 1.0, 0.6),
    "a hundred dropped": Planted(150, 2_000, 0.6, 1.0),
    "five dropped": Planted(5, 200, 0.5, 0.9),
}


def plant(case: Planted, seed: int) -> tuple[Population, dict[str, bool]]:
    """A population with a maximum of 10, and whether each sticker should be dropped, by id."""
    chance = np.random.default_rng(seed)
    excess = chance.exponential(3.0, case.dropped) + 0.01
    below = _BOUND - chance.exponential(3.0, case.kept)
    values = np.concatenate([_BOUND + excess, below])
    dropped = np.arange(len(values)) < case.dropped
    near = np.exp(-excess / 2)
    right = chance.random(case.dropped) < case.at_bound * near + case.far * (1 - near)
    wrong = chance.random(case.kept) < case.at_bound / 2 * np.exp((below - _BOUND) / 2)
    ids = np.array(
        [hashlib.sha256(f"{seed} {n}".encode()).hexdigest() for n in range(len(values))], object
    )
    truth = dict(zip(ids.tolist(), np.concatenate([right, wrong]).tolist(), strict=True))
    bounds = RuleConfig(max=_BOUND)
    return Population("ocr_length", ids, values, dropped, ~dropped, bounds), truth


def answer(sample: Sample, truth: Mapping[str, bool]) -> list[Answer]:
    """What somebody who is always right says of a sample."""
    return [
        Answer(
            id=one.id,
            answer="drop" if truth[one.id] else "keep",
            who="oracle",
            at="2026-01-01T00:00:00Z",
            drawn=sample.drawn,
        )
        for one in sample.stickers
    ]
