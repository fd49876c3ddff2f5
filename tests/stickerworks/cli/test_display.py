"""Figures in units in which they say something."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.engine.runner import RunReport
from stickerworks.cli.display import LogDisplay, describe, say_rate, say_size, say_time


@pytest.mark.parametrize(
    ("rows", "seconds", "said"),
    [
        (10_000, 2, "5,000 rows/s"),
        (60, 31, "1.9 rows/s"),
        (23, 23.8, "58 rows/min"),
        (3, 90, "2.0 rows/min"),
        (1, 600, "6.0 rows/h"),
    ],
)
def test_rates(rows: int, seconds: float, said: str) -> None:
    assert say_rate(rows, seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.05, "0.1 s"),
        (3.24, "3.2 s"),
        (59, "59 s"),
        (95, "1.6 min"),
        (3600, "60 min"),
        (9_000, "2.5 h"),
        (400_000, "4.6 days"),
    ],
)
def test_times(seconds: float, said: str) -> None:
    assert say_time(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 bytes"),
        (368, "368 bytes"),
        (4_000, "4.0 kB"),
        (3_800_000, "3.8 MB"),
        (2 * 10**12, "2,000 GB"),
    ],
)
def test_sizes(count: int, said: str) -> None:
    assert say_size(count) == said


@given(st.floats(0.05, 10**9))
def test_no_time_is_told_as_nothing(seconds: float) -> None:
    assert float(say_time(seconds).split()[0].replace(",", "")) > 0


@given(rows=st.integers(1, 10**9), seconds=st.floats(0.5, 50_000))
def test_no_rate_is_told_as_nothing(rows: int, seconds: float) -> None:
    assert float(say_rate(rows, seconds).split()[0].replace(",", "")) > 0


def test_a_slow_stage_is_described_with_a_rate() -> None:
    line = describe(RunReport("ocr", 1, 0, 23, {"failed": 2}, 95))
    assert line.split() == ["ocr", "23", "rows,", "1.6", "min,", "15", "rows/min,", "failed", "2"]


def test_a_log_line_says_how_long_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    display = LogDisplay(Console(file=out, width=200))
    now = iter([0.0, 100.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    display.start("ocr", 200)
    display.progress(2)
    assert out.getvalue() == "  ocr: 2 of 200 rows, 1.2 rows/min, 2.8 h left\n"
