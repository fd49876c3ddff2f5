"""Marks are looked for only where they decide."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.copies.spots import spots

_SIDE, _BOUND = 96, 9.5
_PLACES = {
    "nothing": (0, 0, 0, 0),
    "mark in the corner": (86, 92, 60, 90),
    "mark at the top": (3, 9, 4, 40),
    "caption at the foot": (78, 92, 20, 76),
    "thing in the middle": (44, 50, 60, 70),
    "faint": (86, 88, 60, 62),
}


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize("level", [0, 110, 255])
def test_a_bound_changes_no_decision(place, level):
    top, bottom, left, right = _PLACES[place]
    one = np.full((_SIDE, _SIDE), 128, np.float32)
    other = one.copy()
    other[top:bottom, left:right] = level
    within = np.ones(one.shape, np.bool_)
    whole, bounded = spots(one, other, within), spots(one, other, within, _BOUND)
    assert bounded.worst == whole.worst
    assert (bounded.without_mark < _BOUND) == (whole.without_mark < _BOUND)
    marked = place.startswith("mark") and level != 110
    assert (whole.worst >= _BOUND > whole.without_mark) == marked


def test_a_mark_beside_a_thing_excuses_only_the_mark():
    one = np.full((_SIDE, _SIDE), 128, np.float32)
    other = one.copy()
    other[86:92, 60:90] = 255
    other[40:46, 40:60] = 255
    within = np.ones(one.shape, np.bool_)
    assert spots(one, other, within).without_mark >= _BOUND
    assert spots(one, other, within, _BOUND).without_mark >= _BOUND
