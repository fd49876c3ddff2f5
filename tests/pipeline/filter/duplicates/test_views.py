"""Differences of looks: the slow one is checked by hand, the quick one bounds it."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.filter.duplicates import views
from pipeline.filter.duplicates.views import Looks, Views, differences, least_differences, tile_sums


def looks(seed: int, count: int, spread: int) -> list[Views]:
    """Stickers of one to four key frames, each a variation of the same picture."""
    random = np.random.default_rng(seed)
    base = random.integers(0, 256, (64, 64))
    made = []
    for _ in range(count):
        noise = random.integers(-spread, spread + 1, (int(random.integers(1, 5)), 8, 8))
        frames = base + np.kron(noise, np.ones((8, 8), np.int64))
        made.append(np.clip(frames, 0, 255).astype(np.uint8))
    return made


def summed(stickers: list[Views]) -> Looks:
    """Looks whose views lie nowhere: their sums tell enough."""
    counts = np.array([len(views) for views in stickers], dtype=np.int64)
    frames = np.concatenate([*stickers, np.empty((0, 64, 64), np.uint8)])
    return Looks(io.BytesIO(), tile_sums(frames), counts, np.cumsum(counts) - counts)


def bounds_of(stickers: list[Views]) -> npt.NDArray[np.float64]:
    """Bound of the difference of the first to each."""
    known = summed(stickers)
    frames = known.frames(np.arange(len(stickers)))
    return least_differences(known.sums, frames[:1].repeat(len(frames), axis=0), frames)


def by_hand(one: Views, other: Views) -> float:
    def gap(a: Views, b: Views) -> float:
        tiles = np.abs(a.astype(int) - b.astype(int)).reshape(8, 8, 8, 8)
        return float(tiles.mean(axis=(1, 3)).max())

    ways = ((one, other), (other, one))
    return max(max(min(gap(a, b) for b in there) for a in here) for here, there in ways)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0, 3, 40, 255]))
def test_differences_are_those_of_the_worst_tile_and_never_below_their_bound(
    seed: int, spread: int
) -> None:
    stickers = looks(seed, 5, spread)
    found = differences(stickers[0], stickers)
    assert found.tolist() == pytest.approx([by_hand(stickers[0], other) for other in stickers])
    assert (bounds_of(stickers) <= found).all()
    numbers = np.arange(len(stickers))
    for bound in (*found, *bounds_of(stickers)):
        close = summed(stickers).close(0 * numbers, numbers, np.full(len(stickers), bound))
        assert close.tolist() == np.flatnonzero(bounds_of(stickers) < bound).tolist()


def test_a_tile_that_is_lighter_throughout_is_told_by_its_sum_alone() -> None:
    dark, light = (np.full((1, 64, 64), level, np.uint8) for level in (0, 255))
    assert bounds_of([dark, light]).tolist() == [0, 255]


def test_more_stickers_than_are_compared_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stickers = looks(1, 150, 40)
    whole = bounds_of(stickers)
    monkeypatch.setattr(views, "_PAIRS", 7)
    for measured in (differences(stickers[0], stickers), bounds_of(stickers)):
        assert measured.shape == (150,)
        assert measured[0] == 0
    assert (bounds_of(stickers) == whole).all()


def test_nothing_to_compare_with() -> None:
    [one] = looks(0, 1, 3)
    assert differences(one, []).shape == (0,)
    assert bounds_of([]).shape == (0,)
