"""The spider of ChineseBQB: one request, then observations in the order of the index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from scrapy import Request
from scrapy.http import Response

from crawlers.fetching.listing_spider import ListingSpider
from crawlers.observation import Observation
from crawlers.sources.chinesebqb import ChineseBQBOptions, read_index


class ChineseBQBSpider(ListingSpider):
    """Reads the index once; the pipeline fetches what it names."""

    name = "chinesebqb"
    options: ChineseBQBOptions

    async def start(self) -> AsyncIterator[Request]:
        yield self.listing(self.options.index_url, self.parse_index)

    def parse_index(self, response: Response) -> Iterator[Observation]:
        observations, senseless = read_index(response.body, self.options.index_url)
        if senseless:
            self.run.report(f"{self.name}: {senseless} entries of the index make no sense")
        yield from observations
