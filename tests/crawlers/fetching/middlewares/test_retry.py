"""How long the crawl waits between tries."""

from __future__ import annotations

from crawlers.fetching.middlewares.retry import backoff_s


def test_backoff_doubles_and_is_bounded() -> None:
    assert [backoff_s(tries) for tries in (1, 2, 3)] == [0.5, 1, 2]
    assert backoff_s(1000) == 30
