"""Requests through the download handler alone, without a crawl around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request
from scrapy.http import Response
from scrapy.settings import Settings

from crawlers.fetching.downloads import CheckedHandler
from crawlers.fetching.middlewares.guard import GuardMiddleware
from crawlers.fetching.settings import crawl_settings
from schemas.config import CrawlConfig

Send = Callable[[Request], Awaitable[Response]]


@pytest.fixture
def downloading() -> Callable[..., Any]:
    """Runs a coroutine that sends requests through guard and download handler."""

    def run(work: Callable[[Send], Awaitable[Any]], **config: Any) -> Any:
        async def started() -> Any:
            settings = Settings(crawl_settings(CrawlConfig(**config)))
            spider = SimpleNamespace(run=SimpleNamespace(stopped=asyncio.Event()))
            crawler = SimpleNamespace(settings=settings, spider=spider)
            guard, handler = GuardMiddleware.from_crawler(crawler), CheckedHandler(crawler)

            async def send(request: Request) -> Response:
                guard.process_request(request)
                return await handler.download_request(request)

            try:
                return await work(send)
            finally:
                await handler.close()

        return asyncio.run(asyncio.wait_for(started(), 20))

    return run


@pytest.fixture
def download(downloading: Callable[..., Any]) -> Callable[..., Response]:
    """Gets one address through guard and download handler."""

    def get(url: str, meta: dict[str, Any] | None = None, **config: Any) -> Response:
        response: Response = downloading(lambda send: send(Request(url, meta=meta)), **config)
        return response

    return get
