"""The spider of sources that need none: what their ``observations`` yields, as it comes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

from crawlers.fetching.listing_spider import ListingSpider
from crawlers.observation import LocalFile, Observation
from crawlers.source import list_items, load_source

_AHEAD = 64
_END = object()


class ItemsSpider(ListingSpider):
    """Yields a source's items, no further ahead of the downloads than memory should hold."""

    name = "items"

    async def start(self) -> AsyncIterator[Observation | LocalFile]:
        items = list_items(load_source(self.run.source), self.options)
        for position in itertools.count():
            # A source that is slow to list must not keep downloads waiting.
            item: Any = await asyncio.to_thread(next, items, _END)
            if item is _END:
                return
            await self.run.quota.wait_for(position - _AHEAD)
            yield item
