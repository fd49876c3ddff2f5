"""Laying pictures over each other: how exactly, and that each pair is looked at on its own."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.copies.registration import overlay, register, soft


def _pictures(count: int, side: int) -> np.ndarray:
    """Smooth ones, without a plain spot."""
    found = np.random.default_rng(7).uniform(0, 255, (count, side, side)).astype(np.float32)
    for _ in range(side // 16):
        found = soft(found)
    return (found - found.mean()) * 3 + 128


@pytest.mark.parametrize("side", [23, 64, 128])
def test_a_known_place_is_found_to_a_hundredth_of_a_pixel(side):
    others = _pictures(4, side)
    known = np.array([[1, 0, 1, 0], [1.03, -0.01, 1, 0.01], [0.96, 0.02, 0.97, 0], [1, 0.03, 1, 0]])
    ones, _ = overlay(others, known)
    # What lies beyond the other's edges is unknown there, and another content.
    found = register(ones, others, np.tile([1.0, 0, 1, 0], (4, 1)))
    assert np.abs(found - known).max() * side < 0.01


def test_what_a_pair_gets_does_not_depend_on_the_others():
    others = _pictures(6, 64)
    maps = np.tile([1.0, 0, 1, 0], (6, 1))
    ones, _ = overlay(others, maps + np.linspace(0, 0.02, 6)[:, None])
    ones[5] = others[0]
    together = register(ones, others, maps)
    alone = [register(ones[n : n + 1], others[n : n + 1], maps[n : n + 1])[0] for n in range(6)]
    assert np.array_equal(together, np.stack(alone))


def test_a_flat_picture_stays_where_it_is():
    flat = np.full((1, 64, 64), 90, np.float32)
    place = np.array([[1.02, 0.01, 0.98, 0.0]])
    assert np.allclose(register(flat, flat, place), place, rtol=0, atol=1e-9)
