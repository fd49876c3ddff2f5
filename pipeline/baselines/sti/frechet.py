"""The Frechet distance between two sets of features, each taken for a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.training.arrays import Floats


@dataclass(frozen=True)
class Gaussian:
    """Mean (D,) and covariance (D, D)."""

    mean: Floats
    covariance: Floats


def fit_gaussian(features: Floats) -> Gaussian:
    """Mean and unbiased covariance of features (N, D), N at least 2."""
    covariance = np.atleast_2d(np.cov(features, rowvar=False))
    return Gaussian(features.mean(0), covariance)


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), at least 0.

    C1 C2 has the eigenvalues of the symmetric C1^(1/2) C2 C1^(1/2), whose roots are exact also
    where covariances are singular, as those of few clips are.
    """
    values, vectors = np.linalg.eigh(one.covariance)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ other.covariance @ root)
    cross = np.sqrt(inner.clip(min=0)).sum()
    apart = np.square(one.mean - other.mean).sum()
    spread = np.trace(one.covariance) + np.trace(other.covariance)
    return max(0.0, float(apart + spread - 2 * cross))
