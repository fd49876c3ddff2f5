"""Numbers items in the order in which a spider yields them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from scrapy import Request
from scrapy.http import Response

from crawlers.observation import LocalFile, Observation


@dataclass(frozen=True)
class Listed:
    """An item and its place in the source's listing, from 0."""

    position: int
    item: Observation | LocalFile


class NumberMiddleware:
    """Items are handled side by side; only the spider's own order is the same on every run."""

    def __init__(self, crawler: Any) -> None:
        self._crawler = crawler
        self._next = 0

    @classmethod
    def from_crawler(cls, crawler: Any) -> NumberMiddleware:
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for output in start:
            yield self._numbered(output)

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        async for output in result:
            yield self._numbered(output)

    def _numbered(self, output: Any) -> Any:
        if isinstance(output, Request) and output.errback is None:
            # Scrapy would only log that a listing could not be had.
            return output.replace(errback=self._crawler.spider.unreadable)
        if not isinstance(output, Observation | LocalFile):
            return output
        position, self._next = self._next, self._next + 1
        return Listed(position, output)
