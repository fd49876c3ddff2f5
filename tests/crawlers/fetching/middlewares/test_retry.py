"""How long the crawl waits between tries, and what it counts as it sends."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request
from scrapy.http import Response
from scrapy.settings import Settings

from crawlers.fetching.middlewares.retry import RetryMiddleware, backoff_s
from crawlers.fetching.middlewares.robots import RobotsMiddleware
from crawlers.fetching.trace import LISTING, META, ListingRequests, Trace
from schemas.config import CrawlConfig

URL = "https://h.example/a"


def test_backoff_doubles_and_is_bounded() -> None:
    assert [backoff_s(tries) for tries in (1, 2, 3)] == [0.5, 1, 2]
    assert backoff_s(1000) == 30


def _crawler(robots: bytes = b"") -> Any:
    """A crawler whose engine has this robots.txt and nothing else."""

    async def download_async(request: Request) -> Response:
        found = bool(robots) and request.url.endswith("/robots.txt")
        return Response(request.url, 200 if found else 404, body=robots)

    run = SimpleNamespace(config=CrawlConfig(), stopped=asyncio.Event(), wait=asyncio.sleep)
    settings = Settings({"USER_AGENT": "stickerworks/0.1", "ATTEMPTS": 3})
    return SimpleNamespace(
        engine=SimpleNamespace(download_async=download_async),
        settings=settings,
        spider=SimpleNamespace(run=run),
    )


def _run(work: Callable[[], Awaitable[Any]]) -> Any:
    async def started() -> Any:
        return await asyncio.wait_for(work(), 10)

    return asyncio.run(started())


def test_turns_are_taken_after_a_rest_and_not_before_it() -> None:
    """Nine that wait for their turns, and three that come later, aren't sent all at its end."""
    delay, rest = 0.05, 0.3

    async def sent() -> list[float]:
        crawler = _crawler(f"User-agent: *\nCrawl-delay: {delay}".encode())
        robots, retry = RobotsMiddleware(crawler), RetryMiddleware.from_crawler(crawler)
        clock, times = asyncio.get_running_loop().time, []

        async def send(number: int) -> None:
            request = Request(f"{URL}{number}", meta={META: Trace()})
            await robots.process_request(request)
            await retry.process_request(request)
            times.append(clock())

        await send(0)
        first = [asyncio.create_task(send(number)) for number in range(9)]
        await asyncio.sleep(delay / 2)
        busy = Response(URL, 429, headers={"Retry-After": str(rest)})
        assert isinstance(retry.process_response(Request(URL), busy), Request)
        ends = clock() + rest
        later = [asyncio.create_task(send(number)) for number in range(3)]
        await asyncio.gather(*first, *later)
        assert all(moment >= ends - 0.01 for moment in times[1:])
        return times[1:]

    times = _run(sent)
    assert len(times) == 12
    assert times[-1] - times[0] > 0.8 * 11 * delay


@pytest.mark.parametrize("status", [429, 503])
def test_a_listing_waits_each_time_as_long_as_its_answer_says(status: int) -> None:
    async def waits() -> list[float]:
        retry = RetryMiddleware.from_crawler(_crawler())
        clock, sent = asyncio.get_running_loop().time, []
        listing = ListingRequests(lambda: sent.append(clock()), lambda answer: float(answer.body))
        answer: Request | Response = Request(URL, meta={LISTING: listing})
        while isinstance(answer, Request):
            await retry.process_request(answer)
            busy = Response(URL, status, body=f"0.{len(sent)}".encode())
            answer = retry.process_response(answer, busy)
        return [after - before for before, after in itertools.pairwise(sent)]

    first, second = _run(waits)
    assert 0.1 <= first < 0.4
    assert 0.2 <= second < 0.8


@pytest.mark.parametrize(("asks", "again"), [(61.0, False), (float("nan"), True), (-1.0, True)])
def test_a_wait_that_is_too_long_ends_it_and_one_that_makes_no_sense_does_not_count(
    asks: float, again: bool
) -> None:
    async def answer() -> Request | Response:
        retry = RetryMiddleware.from_crawler(_crawler())
        listing = ListingRequests(lambda: None, lambda answer: asks)
        request = Request(URL, meta={LISTING: listing})
        return retry.process_response(request, Response(URL, 429))

    found = _run(answer)
    assert isinstance(found, Request) == again
    assert not again or found.meta["not_before"] > 0
