import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.elbow import candidates, chord_heights, find_elbow, refinement

RANGE = list(range(2, 401))


def broken_line(elbow: int, share: float) -> list[float]:
    """Falls by ``share`` until the elbow and by the rest after it."""
    return list(np.interp(RANGE, [2, elbow, 400], [1000.0, 1000 * (1 - share), 0.0]))


@settings(max_examples=60, deadline=None)
@given(elbow=st.integers(3, 100), share=st.floats(0.6, 0.99))
def test_a_planted_elbow_is_found_with_its_height(elbow: int, share: float) -> None:
    found = find_elbow(RANGE, broken_line(elbow, share), 0.3)
    height = share - (elbow - 2) / 398
    assert found.k == elbow
    assert found.height == pytest.approx(height)
    assert found.clear == (found.height >= 0.3)
    assert found.lowest <= elbow <= found.highest


@settings(max_examples=60, deadline=None)
@given(scale=st.floats(0.001, 1e6), offset=st.floats(-1e6, 1e6))
def test_neither_scale_nor_offset_moves_the_elbow(scale: float, offset: float) -> None:
    curve = [offset + scale * inertia for inertia in broken_line(60, 0.9)]
    found = find_elbow(RANGE, curve, 0.3)
    assert (found.k, found.clear) == (60, True)


@settings(max_examples=60, deadline=None)
@given(slope=st.floats(0.01, 1e4), start=st.floats(0, 1e6), clear_from=st.floats(0, 1))
def test_a_straight_line_has_no_clear_elbow(slope: float, start: float, clear_from: float) -> None:
    found = find_elbow(RANGE, [start - slope * k for k in RANGE], max(clear_from, 1e-6))
    assert not found.clear
    assert found.height == pytest.approx(0, abs=1e-7)


def test_where_nothing_stands_out_the_largest_number_is_chosen() -> None:
    assert find_elbow([2, 3, 4], [30.0, 20.0, 10.0], 0.0).k == 4
    assert not find_elbow([2, 3, 4], [30.0, 20.0, 10.0], 0.0).clear
    assert find_elbow([2, 3], [9.0, 1.0], 0.3).k == 3
    assert find_elbow([1], [0.0], 0.3).k == 1
    assert find_elbow([2, 3, 4], [5.0, 5.0, 5.0], 0.3).k == 4


def test_a_flat_top_is_a_wide_defensible_range() -> None:
    bend = [(400 - k) ** 2 for k in RANGE]
    found = find_elbow(RANGE, bend, 0.3)
    assert found.height == pytest.approx(0.25, abs=1e-3)
    assert not found.clear
    assert found.highest - found.lowest > 50


def test_a_curve_above_its_chord_has_negative_heights() -> None:
    assert chord_heights([1, 2, 3], [10.0, 9.0, 0.0])[1] == pytest.approx(-0.4)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), st.integers(0, 3000), st.integers(1, 50))
def test_the_two_passes_cover_the_range_with_few_numbers(
    smallest: int, span: int, step: int
) -> None:
    largest = smallest + span
    coarse = candidates(smallest, largest, step)
    assert coarse[0] == smallest
    assert coarse[-1] == largest
    assert len(coarse) <= 42
    assert coarse == sorted(set(coarse))
    for around in coarse:
        fine = refinement(around, smallest, largest, step)
        assert around in fine
        assert all(smallest <= k <= largest for k in fine)


def test_the_fine_pass_goes_one_coarse_stride_to_either_side() -> None:
    assert candidates(2, 400, 1)[:3] == [2, 12, 22]
    assert refinement(52, 2, 400, 1) == list(range(42, 63))
    assert refinement(2, 2, 400, 5) == [2, 7, 12]


def test_a_fine_step_reaches_every_number_in_reach_of_a_coarse_one() -> None:
    coarse = candidates(2, 400, 1)
    reached = {k for around in coarse for k in refinement(around, 2, 400, 1)}
    assert reached == set(RANGE)
