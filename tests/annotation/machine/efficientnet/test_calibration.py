"""Probabilities mean what they say, and never turn the order of scores around."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from annotation.machine.efficientnet.calibration import (
    Calibration,
    calibration_error,
    fit_calibration,
    reliability,
)


@pytest.mark.parametrize(("temperature", "offset"), [(0.5, 0.0), (3.0, -1.0), (8.0, 0.5)])
def test_a_known_temperature_is_recovered(temperature: float, offset: float) -> None:
    random = np.random.default_rng(0)
    true = random.normal(0, 2, 20_000)
    real = random.random(20_000) < expit(true + offset)
    found = fit_calibration(true * temperature, real)
    assert found.slope == pytest.approx(1 / temperature, rel=0.05)
    assert found.offset == pytest.approx(offset, abs=0.06)
    given_odds = Calibration(1.0, 0.0).probabilities(true * temperature)
    fitted = found.probabilities(true * temperature)
    assert calibration_error(fitted, real) < 0.02 < calibration_error(given_odds, real)


@given(
    st.lists(st.tuples(st.floats(-1e4, 1e4), st.booleans()), min_size=1, max_size=20),
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20),
)
def test_calibration_keeps_the_order(learnt: list[tuple[float, bool]], asked: list[float]) -> None:
    odds, real = zip(*learnt, strict=True)
    found = fit_calibration(np.array(odds), np.array(real))
    assert found.slope > 0
    made = found.probabilities(np.sort(np.array(asked)))
    assert (np.diff(made) >= 0).all()
    assert ((made >= 0) & (made <= 1)).all()


def test_scores_that_separate_the_domains_give_no_certainty() -> None:
    odds = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
    found = fit_calibration(odds, odds > 0)
    assert 0.5 < found.probability(1.0) < found.probability(3.0) < 0.95


def test_reliability_counts_every_sticker() -> None:
    probabilities = np.array([0.0, 0.05, 0.5, 0.95, 1.0])
    real = np.array([False, True, True, True, True])
    rows = reliability(probabilities, real)
    assert [(row["from"], row["stickers"], row["real"]) for row in rows] == [
        (0.0, 2, 0.5),
        (0.5, 1, 1.0),
        (0.9, 2, 1.0),
    ]
    assert calibration_error(probabilities, real) == pytest.approx(
        (2 * (0.5 - 0.025) + 0.5 + 2 * (1 - 0.975)) / 5
    )
