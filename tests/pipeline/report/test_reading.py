"""Samples and text of the web."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.reading import SmallestKeys, say_reason


@given(st.lists(st.text("0123456789abcdef", min_size=1)), st.integers(1, 6))
def test_a_sample_holds_the_smallest_keys_in_any_order(keys: list[str], size: int) -> None:
    sample: SmallestKeys[int] = SmallestKeys(size)
    for number, key in enumerate(keys):
        sample.add(key, number)
    assert [key for key, _ in sample.ranked()] == sorted(set(keys))[:size]
    assert all(keys[number] == key for key, number in sample.ranked())


def test_a_sample_does_not_grow() -> None:
    sample: SmallestKeys[None] = SmallestKeys(5)
    for number in range(10_000):
        sample.add(f"{number:08x}", None)
    assert len(sample._seen) <= 20


def test_reasons_leave_out_what_is_unknown() -> None:
    reason = {"rule": "duplicate", "value": None, "threshold": None, "detail": "of 00ff"}
    assert say_reason(reason) == "duplicate: of 00ff"
    assert say_reason({**reason, "value": 7.0, "detail": None}) == "duplicate 7"
    assert say_reason({**reason, "value": -0.0, "detail": None}) == "duplicate 0"
    long = {**reason, "detail": f"same as {'ab' * 32} (pixels)"}
    assert say_reason(long) == "duplicate: same as ababababab (pixels)"
