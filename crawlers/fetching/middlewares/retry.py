"""Tries again what may succeed later, waiting as long as the host asks for."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import UTC, datetime
from typing import Any

from scrapy import Request
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Response

from crawlers.fetching.middlewares.guard import host_of
from crawlers.fetching.middlewares.pace import Pace
from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.trace import CRAWL_DELAY, LISTING, META, ListingRequests, Trace
from pipeline.engine.retry_after import LONGEST_RETRY_S, retry_after_s

RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 522, 524})
TRANSIENT = (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
MAX_WAIT_S = 60.0
"""Longest wait within a run; where a host asks for more, the source stops and says so."""

_FIRST_BACKOFF_S = 0.5
_MAX_BACKOFF_S = 30.0


def backoff_s(tries: int) -> float:
    """Seconds to wait after that many tries, when the host doesn't say."""
    return min(_FIRST_BACKOFF_S * math.pow(2, min(tries, 16) - 1), _MAX_BACKOFF_S)


class RetryMiddleware:
    """Repeats a request at most ``attempts`` times; a host that says wait is left alone.

    It is the last to see a request before it is sent: here each takes its turn and is counted.
    """

    def __init__(self, attempts: int, run: SourceRun) -> None:
        self._attempts = attempts
        self._pace = Pace(run)

    @classmethod
    def from_crawler(cls, crawler: Any) -> RetryMiddleware:
        return cls(crawler.settings.getint("ATTEMPTS"), crawler.spider.run)

    async def process_request(self, request: Request) -> None:
        meta = request.meta
        await self._pace.turn(
            _host(request), meta.get(CRAWL_DELAY, 0.0), meta.get("not_before", 0.0)
        )
        listing: ListingRequests | None = meta.get(LISTING)
        if listing is not None:
            listing.spend()
        trace: Trace | None = meta.get(META)
        if trace is not None:
            trace.attempts += 1

    def process_response(self, request: Request, response: Response) -> Request | Response:
        if response.status not in RETRY_STATUSES:
            return response
        asked = _asked(request, response)
        trace: Trace | None = request.meta.get(META)
        if trace is not None and asked is not None:
            trace.retry_at = time.time() + asked
        if asked is not None and asked > MAX_WAIT_S:
            return response
        if asked is not None:
            self._pace.rest(_host(request), asked)
        return self._again(request, asked) or response

    def process_exception(self, request: Request, exception: Exception) -> Request | None:
        return self._again(request, None) if isinstance(exception, TRANSIENT) else None

    def _again(self, request: Request, asked: float | None) -> Request | None:
        tries = request.meta.get("tries", 1)
        if tries >= self._attempts:
            return None
        again = request.replace(dont_filter=True)
        again.meta["tries"] = tries + 1
        if asked is None:
            again.meta["not_before"] = asyncio.get_running_loop().time() + backoff_s(tries)
        return again


def _asked(request: Request, response: Response) -> float | None:
    """Seconds that an answer asks to wait, in its header or where its source says it."""
    header = response.headers.get("Retry-After")
    asked = retry_after_s(header.decode("latin-1") if header else None, datetime.now(UTC))
    listing: ListingRequests | None = request.meta.get(LISTING)
    if asked is not None or listing is None or response.status not in (429, 503):
        return asked
    said = listing.retry_after(response)
    return None if said is None or not said > 0 else min(said, LONGEST_RETRY_S)


def _host(request: Request) -> str:
    return host_of(request.url).lower()
