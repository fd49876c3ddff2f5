"""Stickers of one group are held out together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.machine.efficientnet.folds import assign_folds
from annotation.machine.efficientnet.held_out import hold_out
from annotation.machine.efficientnet.samples import DomainSample, find_groups

STICKERS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), min_size=1, max_size=60)


@given(STICKERS, st.integers(2, 6))
def test_folds_never_share_a_group(stickers: list[tuple[str, bool]], count: int) -> None:
    groups, real = zip(*stickers, strict=True)
    folds = assign_folds(groups, real, count)
    assert folds.shape == (len(stickers),)
    for group in set(groups):
        assert len({fold for fold, name in zip(folds, groups, strict=True) if name == group}) == 1
    assert set(folds.tolist()) == set(range(min(count, len(set(groups)))))


@given(st.integers(3, 8), st.integers(3, 8), st.integers(2, 3))
def test_every_fold_has_both_domains_where_there_are_packs_enough(
    real_packs: int, drawn_packs: int, count: int
) -> None:
    groups = [f"r{n}" for n in range(real_packs)] + [f"c{n}" for n in range(drawn_packs)]
    real = [name.startswith("r") for name in groups]
    folds = assign_folds(groups, real, count)
    for fold in range(count):
        assert {is_real for is_real, of in zip(real, folds, strict=True) if of == fold} == {
            True,
            False,
        }


@given(
    st.sets(st.sampled_from("0123456789"), min_size=1),
    st.lists(st.tuples(st.sampled_from("0123456789"), st.sampled_from(["s/p", "s/q", "~d", "~e"]))),
)
def test_groups_join_what_shares_a_key(stickers: set[str], pairs: list[tuple[str, str]]) -> None:
    pairs = [(sticker, key) for sticker, key in pairs if sticker in stickers]
    groups = find_groups(stickers, pairs)
    assert set(groups) == stickers
    for one, key in pairs:
        for other, same in pairs:
            if key == same:
                assert groups[one] == groups[other]
    for sticker in stickers - {sticker for sticker, _ in pairs}:
        assert groups[sticker] == sticker


def test_no_figure_has_seen_its_own_fold(make_sample: Callable[..., DomainSample]) -> None:
    samples = [make_sample(n, real=n % 2 == 0, group=f"g{n // 2}") for n in range(8)]
    folds = assign_folds([s.group for s in samples], [s.real for s in samples], 4)
    seen = []

    def scorer(fold: int, learn: list[DomainSample], ask: list[DomainSample]) -> np.ndarray:
        assert not {s.group for s in learn} & {s.group for s in ask}
        assert len(learn) + len(ask) == len(samples)
        seen.extend(ask)
        return np.array([2.0 if s.real else -2.0 for s in ask])

    held = hold_out(samples, folds, scorer)
    assert sorted(s.id for s in seen) == sorted(s.id for s in samples)

    # What a fold itself scored must not decide how its scores are read.
    own = folds == 0

    def lying(fold: int, learn: list[DomainSample], ask: list[DomainSample]) -> np.ndarray:
        return scorer(fold, learn, ask) * (-1 if fold == 0 else 1)

    turned = hold_out(samples, folds, lying)
    assert turned.probabilities[own] == pytest.approx(1 - held.probabilities[own], abs=1e-3)
