"""The Frechet distance against closed forms and against scipy's matrix root."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from pipeline.baselines.sti.frechet import Gaussian, fit_gaussian, frechet_distance
from pipeline.training.arrays import Floats


def random_covariance(random: np.random.Generator, dim: int, rank: int) -> Floats:
    root = random.standard_normal((dim, rank))
    covariance: Floats = root @ root.T / rank
    return covariance


def test_gaussians_with_axes_in_common_have_a_closed_form() -> None:
    one = Gaussian(np.array([1.0, -2.0, 0.5]), np.diag([4.0, 9.0, 0.0]))
    other = Gaussian(np.array([0.0, 1.0, 0.5]), np.diag([1.0, 16.0, 25.0]))
    # Means: 1 + 9; spreads: (2 - 1)^2 + (3 - 4)^2 + (0 - 5)^2.
    assert frechet_distance(one, other) == pytest.approx(37.0, abs=1e-6)
    turn = linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    turned = [Gaussian(turn @ g.mean, turn @ g.covariance @ turn.T) for g in (one, other)]
    # The root of what rounding leaves of a variance of 0.
    assert frechet_distance(*turned) == pytest.approx(37.0, abs=1e-5)


def test_one_dimension_is_means_and_deviations_apart() -> None:
    one, other = (Gaussian(np.array([m]), np.array([[s**2]])) for m, s in ((1.0, 2.0), (4.0, 7.0)))
    assert frechet_distance(one, other) == pytest.approx(9 + 25)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(1, 12))
def test_it_agrees_with_the_matrix_root_of_scipy(seed: int, dim: int) -> None:
    random = np.random.default_rng(seed)
    one, other = (
        Gaussian(random.standard_normal(dim), random_covariance(random, dim, dim + 2))
        for _ in range(2)
    )
    root = linalg.sqrtm(one.covariance @ other.covariance).real
    spread = np.trace(one.covariance + other.covariance - 2 * root)
    expected = np.square(one.mean - other.mean).sum() + spread
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(1, 10), rank=st.integers(1, 10))
def test_it_is_symmetric_and_zero_for_equals_though_covariances_be_singular(
    seed: int, dim: int, rank: int
) -> None:
    random = np.random.default_rng(seed)
    one, other = (
        Gaussian(random.standard_normal(dim), random_covariance(random, dim, rank))
        for _ in range(2)
    )
    there, back = frechet_distance(one, other), frechet_distance(other, one)
    assert there == pytest.approx(back, rel=1e-6, abs=1e-5)
    assert there >= np.square(one.mean - other.mean).sum() - 1e-6
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-5)


def test_features_of_known_gaussians_come_near_their_distance() -> None:
    random = np.random.default_rng(0)
    features = [random.standard_normal((20_000, 4)) * scale + at for scale, at in ((1, 0), (3, 2))]
    found = frechet_distance(*(fit_gaussian(part) for part in features))
    assert found == pytest.approx(4 * (2**2 + 2**2), rel=0.05)
    fitted = fit_gaussian(features[1])
    assert np.allclose(fitted.covariance, np.cov(features[1].T))
