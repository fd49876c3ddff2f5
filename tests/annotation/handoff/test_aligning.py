"""Lines that OCR read against lines that people left."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.handoff.aligning import ALIKE, Pair, align, comparable, edit_distance, similarity

LINES = st.lists(st.text("abc你好吗 ", min_size=1, max_size=8), max_size=6)
# Lines that share no character, so that only the right pairs are alike.
APART = ["aaaaaa", "bbbbbb", "cccccc", "你你你你", "好好好好", "吗吗吗吗"]


def ones(*pairs: tuple[int, int]) -> list[Pair]:
    return [Pair((a,), (b,)) for a, b in pairs]


@given(LINES, LINES)
def test_pairs_keep_the_order_and_use_each_line_once(read: list[str], left: list[str]) -> None:
    pairs = align(read, left)
    for side, lines in (("read", read), ("corrected", left)):
        used = [n for pair in pairs for n in getattr(pair, side)]
        assert all(a < b for a, b in pairwise(used))
        assert set(used) <= set(range(len(lines)))
    for pair in pairs:
        assert 1 in (len(pair.read), len(pair.corrected))


@given(LINES, LINES)
def test_lines_in_a_pair_are_alike_or_short_and_as_long(read: list[str], left: list[str]) -> None:
    for pair in align(read, left):
        one = "".join(read[n] for n in pair.read)
        other = "".join(left[n] for n in pair.corrected)
        short = len(comparable(one)) == len(comparable(other)) <= 3
        assert similarity(one, other) >= ALIKE or short


@given(st.lists(st.sampled_from(APART), unique=True))
def test_a_text_that_was_left_as_it_is_is_paired_line_by_line(lines: list[str]) -> None:
    assert align(lines, lines) == ones(*((n, n) for n in range(len(lines))))


@given(st.permutations(APART), st.sets(st.integers(0, 5)), st.data())
def test_deleting_lines_and_misreading_a_character_loses_no_other_pair(
    lines: list[str], deleted: set[int], data: st.DataObject
) -> None:
    kept = [n for n in range(6) if n not in deleted]
    left = [lines[n] for n in kept]
    if left:
        place = data.draw(st.integers(0, len(left) - 1))
        left[place] = "x" + left[place][1:]
    assert align(lines, left) == ones(*((n, place) for place, n in enumerate(kept)))
    assert align(left, lines) == ones(*((place, n) for place, n in enumerate(kept)))


@given(st.text("abc你", max_size=9), st.text("abc你", max_size=9), st.text("abc你", max_size=9))
def test_edit_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


@pytest.mark.parametrize(
    ("read", "left", "pairs"),
    [
        (["HELL0", "WORLD"], ["hello", "world!"], ones((0, 0), (1, 1))),
        (["HELLO WORLD"], ["HELLO", "WORLD"], [Pair((0,), (0, 1))]),
        (["HELLO", "WORLD"], ["HELLO WORLD"], [Pair((0, 1), (0,))]),
        (["ABCD", "X"], ["ABCD"], ones((0, 0))),
        (["我"], ["找"], ones((0, 0))),
        (["哈哈", "我"], ["哈哈", "找"], ones((0, 0), (1, 1))),
        (["我", "你"], ["找"], []),  # which of them became it?
        (["good morning"], ["see you soon"], []),
        (["ＯＫ"], ["ok"], ones((0, 0))),
        ([], ["added"], []),
        (["noise"], [], []),
    ],
)
def test_corrections_that_people_make(read: list[str], left: list[str], pairs: list[Pair]) -> None:
    assert align(read, left) == pairs
