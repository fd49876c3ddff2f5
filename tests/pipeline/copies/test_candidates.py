"""Pairs of near hashes: the quick way finds exactly what comparing all pairs finds."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.copies import candidates
from pipeline.copies.candidates import near_pairs


def all_pairs(codes: list[int], distance: int, own: list[bool] | None = None) -> list:
    return [
        (i, j)
        for i, j in combinations(range(len(codes)), 2)
        if (codes[i] ^ codes[j]).bit_count() <= distance and (own is None or own[i] or own[j])
    ]


def found(codes: list[int], distance: int, own: list[bool] | None = None) -> list:
    flags = None if own is None else np.array(own, dtype=bool)
    rows = near_pairs(np.array(codes, dtype=np.uint64), distance, flags)
    return list(zip(*(part.tolist() for part in rows), strict=True))


@st.composite
def hashes(draw: st.DrawFn) -> list[int]:
    """A few hashes and their neighbours at 0 to 10 bits."""
    centres = draw(st.lists(st.integers(0, 2**64 - 1), min_size=0, max_size=6))
    codes = set(centres)
    for centre in centres:
        for _ in range(draw(st.integers(0, 5))):
            flips = draw(st.lists(st.integers(0, 63), max_size=10))
            codes.add(centre ^ sum(1 << bit for bit in set(flips)))
    return sorted(codes)


@settings(max_examples=60, deadline=None)
@given(codes=hashes(), distance=st.integers(0, 12), agreeing=st.integers(0, 3), data=st.data())
def test_all_pairs_and_no_others(codes, distance, agreeing, data):
    own = data.draw(st.lists(st.booleans(), min_size=len(codes), max_size=len(codes)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "_agreeing", lambda own, codes, distance: agreeing)
        patch.setattr(candidates, "_AT_A_TIME", data.draw(st.sampled_from([5, 1000])))
        patch.setattr(candidates, "_LANE", data.draw(st.sampled_from([3, 1000])))
        assert found(codes, distance) == all_pairs(codes, distance)
        assert found(codes, distance, own) == all_pairs(codes, distance, own)


def test_every_distance():
    assert found([0, 1, 3, 2**64 - 1], 64) == all_pairs([0, 1, 3, 2**64 - 1], 64)
    assert found([], 4) == found([7], 4) == []


def test_hashes_that_differ_in_a_few_bits_alone():
    """All of them lie in one bucket, whichever bands must agree."""
    rng = random.Random(0)
    codes = sorted({rng.getrandbits(10) << 20 for _ in range(300)})
    assert found(codes, 3) == all_pairs(codes, 3)


@pytest.mark.parametrize(
    ("own", "codes", "distance", "least"),
    [(20, 20, 4, 0), (10**6, 10**6, 4, 2), (10**6, 10**6, 8, 3), (4 * 10**6, 25 * 10**6, 6, 3)],
)
def test_the_more_hashes_the_more_bands_must_agree(own, codes, distance, least):
    assert candidates._agreeing(own, codes, distance) == least
