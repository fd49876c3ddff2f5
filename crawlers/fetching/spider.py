"""The one spider: it lists what a source has and fetches it; Scrapy downloads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from scrapy import Spider

from crawlers.fetching.answers import Answers
from crawlers.fetching.known_media import DAY_S
from crawlers.fetching.listings import QueryLister
from crawlers.fetching.media import MediaFetcher
from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.takes import Takes
from crawlers.observation import LocalFile, Observation, key_of
from crawlers.queries.book import QueryBook
from crawlers.queries.planned import planned_queries
from crawlers.queries.scope import scope_of
from crawlers.source import list_items, no_observation
from pipeline.engine.errors import StickerworksError

_END = object()


class CrawlSpider(Spider):
    """Crawls the source of ``run`` and closes."""

    name = "crawl"
    run: SourceRun

    async def start(self) -> AsyncIterator[Any]:
        crawler: Any = self.crawler
        try:
            await crawl_source(crawler, self.run)
        except Exception as error:  # noqa: BLE001 - told by the run, which ends with it
            self.run.break_off(error)
        # Scrapy would look only every few seconds whether all is done.
        self._closing = asyncio.ensure_future(crawler.engine.close_spider_async(reason="finished"))
        return
        yield


async def crawl_source(crawler: Any, run: SourceRun) -> None:
    """List and fetch; StickerworksError for what stops the source."""
    fetcher = MediaFetcher(crawler, run)
    try:
        if run.plugin.listing is None:
            await _crawl_items(run, fetcher)
        else:
            await _crawl_queries(crawler, run, fetcher)
    finally:
        fetcher.tell_cuts()


async def _crawl_queries(crawler: Any, run: SourceRun, fetcher: MediaFetcher) -> None:
    book = QueryBook(run.ledger, run.source, scope_of(run.config, run.position, run.options))
    _plan(run, book)
    days = run.config.recheck_days
    book.begin(fetcher.policy, None if days is None else time.time() - days * DAY_S)
    if run.ours.limit is not None:
        # Pages that were read by earlier runs aren't read again, so what they gave counts now.
        run.quota.count(book.stickers())
    answers = Answers(crawler, run, book)
    try:
        await QueryLister(run, book, fetcher, answers).run()
    except StickerworksError as error:
        run.fail(error)
    finally:
        answers.tell_senseless()
    if run.error is not None:
        book.note("source", run.ledger.without_secrets(run.error.message))


def _plan(run: SourceRun, book: QueryBook) -> None:
    assert run.plugin.listing is not None
    count = book.plan(planned_queries(run.ours, run.workspace))
    if count == 0 and run.plugin.listing.needs_query:
        raise StickerworksError(
            f"The source {run.source} lists nothing without queries.",
            "Set crawl.sources[].queries, query_file or query_table.",
        )
    if count == 0:
        book.plan([""])


async def _crawl_items(run: SourceRun, fetcher: MediaFetcher) -> None:
    """What a source's ``observations`` yields, no further ahead than there is room for."""
    items = list_items(run.plugin, run.options)
    takes = Takes(run, fetcher)
    seen: set[int] = set()
    twice = 0
    try:
        place = -1
        while await takes.admit():
            # A source that is slow to list must not keep downloads waiting.
            item: Any = await run.until_stopped(asyncio.to_thread(next, items, _END))
            if item is _END or item is None:
                break
            place += 1
            if isinstance(item, LocalFile):
                run.quota.settle(fetcher.take_file(item, place))
                continue
            if not isinstance(item, Observation):
                raise no_observation(run.source, item)
            if (name := hash(key_of(run.source, item))) in seen:
                twice += 1
                run.quota.settle(None)
                continue
            seen.add(name)
            found = fetcher.note([(place, item)])
            if found:
                await takes.start(found[0], lambda: None)
            else:
                run.quota.settle(None)
    finally:
        await takes.finish()
        if twice:
            run.report(f"{run.source}: {twice} items are listed twice; the first counts")
