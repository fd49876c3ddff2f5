"""From log-odds to probabilities that mean what they say (Platt 1999), and how far they do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Floats = NDArray[np.float64]
DIGITS = 4
"""Digits of a probability: single precision differs in later ones between processors."""


@dataclass(frozen=True)
class Calibration:
    """The calibrated log-odds are ``slope * log-odds + offset``; the slope is positive."""

    slope: float
    offset: float

    def probability(self, log_odds: float) -> float:
        """Probability of real, rounded."""
        probability: float = expit(self.slope * log_odds + self.offset)
        return round(float(probability), DIGITS)

    def probabilities(self, log_odds: Floats) -> Floats:
        """The same of many."""
        return np.array([self.probability(value) for value in log_odds.tolist()])


def fit_calibration(log_odds: Floats, real: NDArray[np.bool_]) -> Calibration:
    """Platt's scaling, with his smoothed targets; monotone even where the scores mislead.

    Log-odds that separate the domains would ask for an endless slope; the targets prevent it.
    """
    positives, negatives = int(real.sum()), int((~real).sum())
    targets = np.where(real, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    spread = max(float(np.std(log_odds)), 1e-6)
    scaled = log_odds / spread

    def loss(parameters: Floats) -> float:
        odds = math.exp(parameters[0]) * scaled + parameters[1]
        fit = np.logaddexp(0, odds) - targets * odds
        # A hint towards the scale as it is decides where one domain alone says nothing.
        return float(fit.sum()) + 1e-3 * float((parameters**2).sum())

    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-6, 6), (-30, 30)]).x
    return Calibration(_short(math.exp(found[0]) / spread), _short(float(found[1])))


def calibration_error(probabilities: Floats, real: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins of equal width (Naeini et al. 2015)."""
    total = len(real)
    gaps = (
        row["stickers"] / total * abs(row["probability"] - row["real"])
        for row in reliability(probabilities, real)
    )
    return float(sum(gaps))


def reliability(probabilities: Floats, real: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """For each bin that holds stickers: how many, their mean probability, the share real."""
    bins = np.minimum((probabilities * 10).astype(int), 9)
    return [
        {
            "from": number / 10,
            "to": (number + 1) / 10,
            "stickers": int((bins == number).sum()),
            "probability": round(float(probabilities[bins == number].mean()), 4),
            "real": round(float(real[bins == number].mean()), 4),
        }
        for number in range(10)
        if (bins == number).any()
    ]


def _short(value: float) -> float:
    return float(f"{value:.6g}")
