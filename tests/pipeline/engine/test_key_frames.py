"""Key frames: farthest-point sampling on small grey thumbnails."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.key_frames import choose, sample, thumbnails


def flat(*levels: int) -> np.ndarray:
    return np.repeat(np.array(levels, dtype=np.int16)[:, None], 1024, axis=1)


def test_the_frame_held_longest_comes_first():
    assert choose(flat(0, 50, 100, 150), [10, 10, 90, 10], 1) == [2]


def test_contrast_breaks_ties():
    greys = flat(0, 50, 100, 150)
    greys[1, :512] = 0
    assert choose(greys, [10] * 4, 1) == [1]


def test_the_first_of_equals():
    assert choose(flat(0, 50, 100), [10] * 3, 1) == [0]


def test_farthest_points_in_play_order():
    assert choose(flat(90, 0, 100, 255, 120), [10, 10, 50, 10, 10], 3) == [1, 2, 3]


@pytest.mark.parametrize(("gap", "frames"), [(5, [0]), (6, [0, 1])])
def test_a_frame_nearer_than_six_grey_levels_shows_nothing_new(gap, frames):
    assert choose(flat(100, 100 + gap), [10, 10], 3) == frames


def test_samples_are_composed_on_the_ground():
    clear, half = 0, 0x80000000
    pixels = np.array([[clear, 0xFFFFFFFF], [half, 0xFF0000FF]], dtype=np.uint32).repeat(16, 0)
    pixels = pixels.repeat(16, 1)
    grey = thumbnails([sample(pixels)], 255)[0].reshape(32, 32)
    assert [grey[0, 0], grey[0, 31], grey[31, 0], grey[31, 31]] == [255, 255, 127, 76]
    assert thumbnails([sample(pixels)], 40)[0, 0] == 40


@given(height=st.integers(1, 90), width=st.integers(1, 90), row=st.integers(0, 31))
def test_samples_lie_at_the_centres_of_a_grid(height, width, row):
    pixels = np.arange(height * width, dtype=np.uint32).reshape(height, width)
    got = sample(pixels).reshape(32, 32)[row]
    y = int((row + 0.5) * height / 32)
    assert got.tolist() == [pixels[y, int((x + 0.5) * width / 32)] for x in range(32)]


@given(
    levels=st.lists(st.integers(0, 255), min_size=1, max_size=20),
    most=st.integers(1, 5),
    data=st.data(),
)
def test_any_animation_has_key_frames(levels, most, data):
    durations = data.draw(st.lists(st.integers(20, 99), min_size=len(levels), max_size=len(levels)))
    got = choose(flat(*levels), durations, most)
    assert 1 <= len(got) <= most
    assert got == sorted(set(got))
    assert set(got) <= set(range(len(levels)))
    assert max(durations) in [durations[i] for i in got]
    if len(got) < most:
        assert all(min(abs(level - levels[i]) for i in got) < 6 for level in levels)
