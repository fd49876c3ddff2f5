"""Reasons why a file could not be had are short."""

from __future__ import annotations

from crawlers.fetching.failures import failure_of_exception
from crawlers.fetching.trace import Refused
from crawlers.names import MAX_CHARACTERS


def test_the_reason_of_a_refusal_is_short_however_long_the_address() -> None:
    failure = failure_of_exception(Refused("robots", f"robots.txt disallows {'a.' * 100_000}"))
    assert len(failure.error) <= MAX_CHARACTERS
    assert failure.error.startswith("robots.txt disallows a.a.")
