"""How many tags belong to other rows, by scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.contract import Scored
from pipeline.training.label_noise import LabelNoise
from pipeline.training.label_noise import estimate_noise as estimate


def estimate_noise(scores, truth, bound: float, seed: int) -> LabelNoise | None:
    ids, tags = (tuple(map(str, range(count))) for count in truth.shape)
    return estimate([Scored(ids, tags, scores, truth)], bound, seed)


def scored(rows: int, wrong: float, strength: float, seed: int = 0, tags: int = 6):
    """Scores that know the true tag by ``strength`` deviations, and truth of which a share is
    that of other rows."""
    random = np.random.default_rng(seed)
    true = np.arange(rows) % tags
    scores = random.normal(size=(rows, tags))
    scores[np.arange(rows), true] += strength
    given = true.copy()
    moved = random.permutation(rows)[: round(wrong * rows)]
    given[moved] = random.permutation(given[moved])
    truth = np.zeros((rows, tags), bool)
    truth[np.arange(rows), given] = True
    return scores, truth, float((given != true).mean())


@pytest.mark.parametrize("rows", [300, 3000])
@pytest.mark.parametrize("wrong", [0.0, 0.3, 0.6])
def test_the_estimate_is_what_was_planted_or_a_little_more(rows: int, wrong: float) -> None:
    scores, truth, planted = scored(rows, wrong, 3.0)
    noise = estimate_noise(scores, truth, 0.2, 0)
    assert noise is not None
    assert noise.high >= planted - 0.02
    assert planted - 0.08 <= noise.share <= planted + 0.15
    assert noise.low <= noise.share <= noise.high


def test_hard_rows_are_not_taken_for_wrong_ones() -> None:
    # The network is right about the first tag in half of the cases alone.
    scores, truth, _ = scored(4000, 0.0, 1.2)
    noise = estimate_noise(scores, truth, 0.2, 0)
    assert noise is not None
    assert (scores.argmax(1) == truth.argmax(1)).mean() < 0.55
    assert noise.share < 0.2


@pytest.mark.parametrize("strength", [2.0, 3.0, 4.0])
def test_a_third_of_the_tags_is_found_wrong_also_by_a_good_model(strength: float) -> None:
    assert caught(200, 0.37, strength) >= 5
    assert caught(900, 0.37, strength) >= 9
    assert caught(2000, 0.37, strength) >= 7


@pytest.mark.parametrize("rows", [200, 900, 2000])
@pytest.mark.parametrize("strength", [1.0, 2.0, 4.0])
def test_right_tags_are_no_noise_whatever_the_model(rows: int, strength: float) -> None:
    assert caught(rows, 0.0, strength) <= (1 if strength == 1 else 0)
    if strength > 1:
        assert caught(rows, 0.1, strength) == 0


def caught(rows: int, wrong: float, strength: float) -> int:
    """In how many of ten cases the interval lies above 20%."""
    found = 0
    for seed in range(10):
        scores, truth, _ = scored(rows, wrong, strength, seed, tags=10)
        noise = estimate_noise(scores, truth, 0.2, 0)
        assert noise is not None
        found += noise.low > 0.2
    return found


def test_splits_together_tell_what_none_tells_alone() -> None:
    parts = []
    for seed in (3, 4, 5):
        scores, truth, _ = scored(120, 0.3, 3.0, seed, tags=10)
        ids = tuple(f"{seed} {row}" for row in range(len(truth)))
        parts.append(Scored(ids, tuple(map(str, range(10))), scores, truth))
    alone, together = [estimate([part], 0.2, 0) for part in parts], estimate(parts, 0.2, 0)
    assert together is not None
    assert all(one is not None and one.low < 0.2 for one in alone)
    assert together.low > 0.2
    assert (together.rows, together.tags) == (360, 360)
    named = {name for one in alone if one for name in one.unlikely}
    assert len(together.unlikely) == 20
    assert set(together.unlikely) <= named


def test_scores_that_know_nothing_leave_every_tag_in_doubt() -> None:
    scores, truth, _ = scored(2000, 0.0, 0.0)
    noise = estimate_noise(scores, truth, 0.2, 0)
    assert noise is not None
    assert noise.share > 0.8
    level = estimate_noise(np.zeros_like(scores), truth, 0.2, 0)
    assert level is not None
    assert level.share == 0, "equal scores rank in the middle"


def test_the_least_likely_tags_are_named_first() -> None:
    scores, truth, _ = scored(60, 0.0, 3.0)
    scores[17, 17 % 6] = -9
    noise = estimate_noise(scores, truth, 0.2, 0)
    assert noise is not None
    assert noise.unlikely[0] == "17 (5)"
    assert len(noise.unlikely) == 20


def test_few_tags_tell_nothing() -> None:
    assert estimate_noise(np.zeros((40, 2)), np.zeros((40, 2), bool), 0.2, 0) is None
    everywhere = np.ones((40, 1), bool)
    assert estimate_noise(np.zeros((40, 1)), everywhere, 0.2, 0) is None


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1), st.integers(8, 60), st.integers(1, 5))
def test_any_scores_give_a_share_within_its_interval(
    seed: int, bound: float, rows: int, tags: int
) -> None:
    random = np.random.default_rng(seed)
    truth = random.random((rows, tags)) < 0.5
    noise = estimate_noise(random.integers(0, 3, (rows, tags)) / 2, truth, bound, seed)
    if noise is None:
        return
    assert isinstance(noise, LabelNoise)
    assert 0 <= noise.low <= noise.high <= 1
    assert 0 <= noise.share <= 1
    assert noise.tags <= truth.sum()
    changed = random.permutation(tags)
    other = estimate_noise(np.zeros((rows, tags)), truth[:, changed], bound, seed)
    assert other is not None
    assert other.tags == noise.tags
