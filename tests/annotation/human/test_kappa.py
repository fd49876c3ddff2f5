"""Fleiss' kappa against worked examples and its textbook formula."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.human import kappa
from annotation.human.kappa import Kappa

# The worked example with 10 subjects, 14 raters and 5 categories; kappa .210.
COUNTS = (
    "0 0 0 0 14",
    "0 2 6 4 2",
    "0 0 3 5 6",
    "0 3 9 2 0",
    "2 2 8 1 1",
    "7 7 0 0 0",
    "3 2 6 3 0",
    "2 5 3 2 2",
    "6 5 2 1 0",
    "0 2 2 3 7",
)


def fleiss_kappa(units: Sequence[Sequence[str]], **drawn: int) -> Kappa:
    return kappa.fleiss_kappa(Counter(tuple(sorted(unit)) for unit in units), **drawn)


def worked_units() -> list[list[str]]:
    rows = [[int(count) for count in line.split()] for line in COUNTS]
    return [
        [value for value, n in zip("abcde", row, strict=True) for _ in range(n)] for row in rows
    ]


def stated(units: Sequence[Sequence[str]]) -> float | None:
    """The formula, value by value and pair by pair."""
    raters, values = len(units[0]), sorted({value for unit in units for value in unit})
    shares = [sum(unit.count(v) for unit in units) / (len(units) * raters) for v in values]
    agreeing = [
        sum(unit[i] == unit[j] for i in range(raters) for j in range(raters) if i != j)
        / (raters * (raters - 1))
        for unit in units
    ]
    chance = sum(share**2 for share in shares)
    return None if len(values) == 1 else (sum(agreeing) / len(units) - chance) / (1 - chance)


def test_kappa_is_that_of_the_worked_example() -> None:
    found = fleiss_kappa(worked_units())
    assert found.kappa == pytest.approx(0.210, abs=0.0005)
    assert (found.votes, found.units, found.left_out) == (14, 10, 0)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 5).flatmap(
    lambda n: st.lists(st.lists(st.sampled_from("abc"), min_size=n, max_size=n), min_size=1)
))  # fmt: skip
def test_kappa_is_the_textbook_formula(units: list[list[str]]) -> None:
    found, expected = fleiss_kappa(units, resamples=2).kappa, stated(units)
    assert found is None if expected is None else found == pytest.approx(expected)


def test_units_with_another_number_of_votes_are_left_out_and_counted() -> None:
    three = [list("aab"), list("bbb"), list("aaa")]
    found = fleiss_kappa([*three, list("ab"), list("aaaa"), ["b"], []])
    assert found.kappa == fleiss_kappa(three).kappa
    # A unit without votes isn't left out: there is nothing of it.
    assert (found.votes, found.units, found.left_out) == (3, 3, 3)


def test_of_equally_common_numbers_of_votes_the_larger_is_taken() -> None:
    assert fleiss_kappa([list("ab"), list("aab")]).votes == 3
    assert fleiss_kappa([list("aab"), list("ab")]).votes == 3


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([], Kappa(None, None, 0, 0, 0)),
        ([["a"], ["b"], []], Kappa(None, None, 0, 0, 2)),
        ([["a", "a"], ["a", "a"]], Kappa(None, None, 2, 2, 0)),
    ],
)
def test_kappa_is_none_where_nothing_can_differ(units: list[list[str]], expected: Kappa) -> None:
    assert fleiss_kappa(units) == expected


def test_the_interval_is_that_of_drawing_units_and_repeats() -> None:
    draw = random.Random(3)
    units = [[draw.choice("aab") if draw.random() < 0.5 else "a" for _ in range(3)]
             for _ in range(120)]  # fmt: skip
    figures = []
    for _ in range(1500):
        figure = stated(draw.choices(units, k=len(units)))
        assert figure is not None
        figures.append(figure)
    figures.sort()
    found = fleiss_kappa(units, resamples=3000, seed=1)
    assert found.interval is not None
    assert found.interval[0] == pytest.approx(figures[37], abs=0.02)
    assert found.interval[1] == pytest.approx(figures[1462], abs=0.02)
    assert found == fleiss_kappa(units, resamples=3000, seed=1)
