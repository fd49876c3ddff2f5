"""How fast people work, whatever clocks do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from annotation.human.pace import FIRST_TIME, expected_end, pace

DAY = 86_400_000_000
MONDAY = 20_718 * DAY
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


@dataclass(frozen=True)
class One:
    to_do: int
    pace: float | None
    left_at: str | None = None


def test_pace_is_answers_a_day_with_days_off_between() -> None:
    assert pace([]) is None
    assert pace([1, 2, 3]) is None, "counts are no times"
    assert pace([MONDAY + n for n in range(12)]) == 12
    assert pace([*(MONDAY + n for n in range(9)), MONDAY + 2 * DAY]) == 10 / 3


def test_only_the_last_seven_active_days_count() -> None:
    times = [MONDAY + day * DAY + n for day in range(10) for n in range(100 if day < 3 else 4)]
    assert pace(times) == 4


def test_a_clock_that_was_set_costs_a_week_at_most() -> None:
    times = [MONDAY + n for n in range(10)] + [MONDAY + 4000 * DAY]
    assert pace(times) == 11 / 8


@given(st.lists(st.integers(-(2**62), 2**62), max_size=30))
def test_pace_is_never_negative_or_absurd(times: list[int]) -> None:
    found = pace(times)
    known = [time for time in times if time >= FIRST_TIME]
    assert (found is None) == (not known)
    assert found is None or len(known) / 43 / 30 <= found <= len(known)


def test_all_is_done_when_the_slowest_is() -> None:
    assert expected_end([One(10, 5.0), One(30, 5.0), One(0, None)], NOW) == "2026-12-07"
    assert expected_end([One(0, 3.0)], NOW) is None
    assert expected_end([], NOW) is None


def test_nobody_guesses() -> None:
    assert expected_end([One(10, 5.0), One(1, None)], NOW) is None, "one hasn't begun"
    assert expected_end([One(10, 5.0), One(1, 5.0, "2026-11-30")], NOW) is None, "one has left"
    assert expected_end([One(10**9, 0.1)], NOW) is None


@given(st.integers(1, 10**6), st.floats(0.01, 10**6), st.timedeltas(timedelta(0), timedelta(900)))
def test_the_end_never_lies_in_the_past(to_do: int, speed: float, later: timedelta) -> None:
    found = expected_end([One(to_do, speed)], NOW + later)
    assert found is None or found >= (NOW + later).date().isoformat()
