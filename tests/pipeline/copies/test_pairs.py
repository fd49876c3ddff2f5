"""Candidate pairs: those that comparing every code with every other finds, each once."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.copies import pairs
from pipeline.copies.codes import Codes
from pipeline.copies.pairs import Lists, Meetings, pair_waves

Entry = tuple[int, int, int]
"""A picture, its code and the view."""
PICTURES = 8


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    """Codes of a few pictures that lie near one another, some equal, as in a clump."""
    code = st.sampled_from([0, 1, 3, 7, 255, 1 << 40, 2**64 - 1])
    entry = st.tuples(st.integers(0, PICTURES - 1), code, st.integers(0, 3))
    return draw(st.lists(entry, max_size=20, unique=True))


def codes(entries: list[Entry]) -> Codes:
    columns = list(zip(*sorted(entries, key=lambda e: e[0]), strict=True)) or [[], [], []]
    kinds = (np.int32, np.uint64, np.uint8)
    return Codes(*(np.array(c, kind) for c, kind in zip(columns, kinds, strict=True)))


def by_hand(
    own: list[Entry], others: list[Entry], among_own: bool
) -> set[tuple[int, int, int, int]]:
    met: dict[tuple[int, int, int], int] = {}
    for (a, code, view), (b, other, other_view) in product(
        own, others + (own if among_own else [])
    ):
        bits = (code ^ other).bit_count()
        if a != b and bits <= 2:
            key = (max(a, b), min(a, b), max(view, other_view))
            met[key] = min(bits, met.get(key, bits))
    return {(one, other, bits, view) for (one, other, view), bits in met.items()}


def found(meetings: list[Meetings]) -> list[tuple[int, int, int, int]]:
    return [
        tuple(row)
        for wave in pair_waves(meetings, PICTURES)
        for row in np.stack([wave.one, wave.other, wave.bits, wave.view]).T.tolist()
    ]


@pytest.mark.parametrize("at_a_time", [1, 30, 1 << 20])
def test_all_pairs_in_order_and_no_others(monkeypatch, at_a_time):
    monkeypatch.setattr(pairs, "_WAVE", at_a_time)
    monkeypatch.setattr(pairs, "_VIEWS_TRIED", 99)

    @settings(max_examples=40, deadline=None)
    @given(entries(), entries(), entries())
    def check(own, others, frames):
        meetings = [
            Meetings(codes(own), codes(others), 2),
            Meetings(codes(own), codes(frames), 2, among_own=False),
        ]
        expected = by_hand(own, others, True) | by_hand(own, frames, False)
        assert found(meetings) == sorted(expected)

    check()


def test_a_picture_has_all_its_pairs_in_one_wave(monkeypatch):
    monkeypatch.setattr(pairs, "_WAVE", 3)
    clump = codes([(picture, 5, 0) for picture in range(PICTURES)])
    waves = list(pair_waves([Meetings(clump, codes([]), 2)], PICTURES))
    assert len(waves) > 2
    ones = [set(wave.one.tolist()) for wave in waves]
    assert sum(map(len, ones)) == len(set.union(*ones)) == PICTURES - 1
    assert sum(map(len, waves)) == PICTURES * (PICTURES - 1) // 2


def test_pictures_by_the_million():
    """Their pairs don't fit the 32 bits in which codes know them."""
    last = 3_000_000
    own = Codes(
        *(
            np.array(c, k)
            for c, k in (([last - 2, last - 1], np.int32), ([7, 7], np.uint64), ([0, 0], np.uint8))
        )
    )
    [wave] = pair_waves([Meetings(own, codes([]), 2)], last)
    assert (wave.one.tolist(), wave.other.tolist()) == ([last - 1], [last - 2])


def test_in_a_clump_each_has_its_nearest_alone(monkeypatch):
    """Of equally near ones the first, whatever is crawled later."""
    monkeypatch.setattr(pairs, "_NEAREST", 2)
    clump = [(0, 3, 0), (1, 0, 0), (2, 1, 0), (3, 0, 0), (4, 0, 0)]
    pairs_of = {}
    for a, b, bits, _ in found([Meetings(codes(clump), codes([]), 2)]):
        pairs_of.setdefault(a, []).append((b, bits))
    assert pairs_of == {1: [(0, 2)], 2: [(0, 1), (1, 1)], 3: [(1, 0), (2, 1)], 4: [(1, 0), (3, 0)]}


def test_a_pair_is_looked_at_in_its_nearest_views(monkeypatch):
    monkeypatch.setattr(pairs, "_VIEWS_TRIED", 3)
    own = [(0, 0, 0), (1, 0, 0)]
    windows = [(1, 3, 1), (1, 0, 2), (0, 1, 3), (1, 1, 3), (0, 7, 4)]
    bits_and_views = [row[2:] for row in found([Meetings(codes(own), codes(windows), 2)])]
    assert bits_and_views == [(0, 0), (0, 2), (1, 3)]


def test_lists_by_number():
    lists = Lists.grouped(np.array([2, 0, 2]), np.array([5, 6, 7]), 4)
    place, values = lists.of(np.array([2, 1, 0, 2]))
    assert (place.tolist(), values.tolist()) == ([0, 0, 2, 3, 3], [5, 7, 6, 5, 7])
    assert lists.sums(np.arange(10)).tolist() == [6, 0, 12, 0]
