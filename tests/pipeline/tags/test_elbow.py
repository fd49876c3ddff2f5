from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.elbow import (
    POINTS,
    candidates,
    chord_heights,
    find_elbow,
    refinement,
    small_numbers,
)

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


def test_a_smooth_curve_is_no_clear_elbow_however_high_its_chord() -> None:
    numbers = list(range(2, 1001))
    smooth = [1000 * n**-0.2 for n in numbers]
    found = find_elbow(numbers, smooth, 0.3)
    assert found.height > 0.5
    assert not found.clear
    assert found.lowest < found.k < found.highest


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), st.integers(0, 3000), st.integers(1, 300), st.integers(1, 50))
def test_the_two_passes_cover_the_range_with_few_numbers(
    smallest: int, span: int, coarse_step: int, step: int
) -> None:
    largest = smallest + span
    coarse = candidates(smallest, largest, coarse_step, step)
    assert coarse[0] == smallest
    assert coarse[-1] == largest
    assert len(coarse) <= max(POINTS, largest // coarse_step) + 2
    assert coarse == sorted(set(coarse))
    for place, around in enumerate(coarse):
        fine = refinement(around, coarse, step)
        assert around in fine
        assert fine[0] == coarse[max(0, place - 1)]
        assert fine[-1] == coarse[min(len(coarse) - 1, place + 1)]
        assert fine == sorted(set(fine))


def test_the_sharpest_bend_counts_though_the_chord_goes_on_rising() -> None:
    wide = list(np.interp(RANGE, [2, 40, 160, 400], [1000.0, 650, 330, 0]))
    assert chord_heights(RANGE, wide).argmax() + 2 == 160
    found = find_elbow(RANGE, wide, 0.2)
    assert (found.k, found.clear) == (40, True)
    assert not find_elbow(RANGE, wide, 0.3).clear
    assert found.lowest <= 40 <= found.highest < 60


def test_a_dent_among_the_first_numbers_is_no_elbow() -> None:
    curve = list(np.interp(RANGE, [2, 5, 160, 400], [1000.0, 850, 200, 0]))
    assert find_elbow(RANGE, curve, 0.1).k > 100


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 50), st.integers(1, 400), st.integers(1, 20))
def test_small_numbers_lie_between_the_first_two_and_ascend(
    first: int, gap: int, step: int
) -> None:
    found = small_numbers([first, first + gap, first + 2 * gap], step)
    numbers = [first, *found, first + gap]
    assert numbers == sorted(set(numbers))
    assert all(after - before >= step for before, after in pairwise(numbers[:-1]))
    assert all(after <= before * 1.2 + step for before, after in pairwise(numbers))


def test_the_passes_are_those_of_the_paper() -> None:
    coarse = candidates(2, 1000, 100, 1)
    assert coarse == [2, *range(100, 1001, 100)]
    assert refinement(400, coarse, 1) == list(range(300, 501))
    assert refinement(2, coarse, 49) == [2, 51, 100]


def test_few_numbers_are_tried_one_by_one() -> None:
    assert candidates(2, 25, 100, 1) == list(range(2, 26))
    assert candidates(2, 400, 100, 1)[:4] == [2, 10, 20, 30]


def test_a_fine_step_reaches_every_number_in_reach_of_a_coarse_one() -> None:
    coarse = candidates(2, 400, 100, 1)
    reached = {k for around in coarse for k in refinement(around, coarse, 1)}
    assert reached == set(RANGE)


def test_without_a_clear_elbow_every_number_nearly_as_high_is_as_good() -> None:
    # Falls by 2 up to 14, then by 0.9: a sharp bend, but a low one.
    ks = list(range(2, 42))
    inertias = [100 - 2 * k if k <= 14 else 72 - 0.9 * (k - 14) for k in ks]
    heights = chord_heights(ks, inertias)
    near = [k for k, height in zip(ks, heights, strict=True) if height >= 0.95 * heights.max()]
    assert len(near) > 1
    low, clear = (find_elbow(ks, inertias, bound) for bound in (0.9, 0.1))
    assert (low.k, low.clear, clear.clear) == (14, False, True)
    assert (low.lowest, low.highest) == (near[0], near[-1])
    assert clear.lowest == clear.highest == 14
