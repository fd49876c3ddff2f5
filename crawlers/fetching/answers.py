"""Asks a source for one page of a listing and has its own code read the answer."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scrapy import Request
from scrapy.http import Response

from crawlers.fetching.following import as_the_source_knows_it, is_inner
from crawlers.fetching.refusals import MAX_BYTES, refusal_of_exception, refusal_of_status
from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.trace import API, KEYED, LISTING, ListingRequests
from crawlers.queries.book import QueryBook
from crawlers.source import Answer, Ask, BadQueryError, Cursor, Listing, Page, RefusedError
from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import describe_plugin

_SHARED = 4  # answers that are the same for every query, held for the next one


class FormatError(StickerworksError):
    """An answer isn't what its source used to send."""


class BudgetSpent(Exception):  # noqa: N818 - no error: the next day's crawl goes on
    """The day's requests for listings of this source are used up."""


class Answers:
    """Pages of a source's listings, one request after the other."""

    def __init__(self, crawler: Any, run: SourceRun, book: QueryBook) -> None:
        assert run.plugin.listing is not None
        self._crawler = crawler
        self._run = run
        self._book = book
        self._listing: Listing = run.plugin.listing
        self._held: OrderedDict[tuple[str, bytes], Answer] = OrderedDict()
        self._senseless = 0

    async def page(self, query: str, cursor: Cursor) -> Page | None:
        """The page of a query at that cursor; None where the run stops before it is there.

        Raises BadQueryError or FormatError for what costs this query alone, any other
        StickerworksError for what stops the source, and BudgetSpent.
        """
        within, cursor = is_inner(cursor), as_the_source_knows_it(cursor)
        with self._faults("ask for a listing"):
            ask = self._listing.ask(self._run.options, query, cursor)
        answer = await self._run.until_stopped(self._answer(ask))
        if answer is None:
            return None
        key = self._run.plugin.key
        clean = self._run.ledger.without_secrets
        refusal = refusal_of_status(answer, key.variable if key else None, clean)
        if refusal is not None:
            raise refusal
        with self._faults("read a listing"):
            page = self._listing.read(self._run.options, query, cursor, answer)
            # A pack or a file may be damaged, and a query find nothing in an index for all of them;
            # a page of a search is neither.
            fine = within or ask.shared or page.observations or page.inner
            if page.senseless and not fine:
                raise StickerworksError(
                    f"None of {page.senseless} entries of {self._run.source} makes sense; the "
                    "source may have changed its format.",
                    "Look for a newer stickerworks.",
                )
        if page.senseless and not self._senseless:
            self.tell(page.senseless)
        self._senseless += page.senseless
        return page

    def tell(self, count: int) -> None:
        """Tell people of entries that could not be read."""
        self._run.report(f"{self._run.source}: {count} entries of its listings make no sense")

    def tell_senseless(self) -> None:
        """Tell people how many entries could not be read in all."""
        if self._senseless:
            self.tell(self._senseless)

    async def _answer(self, ask: Ask) -> Answer:
        name = ask.url, ask.body
        if ask.shared and name in self._held:
            return self._held[name]
        answer = await self._fetch(ask)
        if ask.shared:
            self._held[name] = answer
            if len(self._held) > _SHARED:
                self._held.popitem(last=False)
        return answer

    async def _fetch(self, ask: Ask) -> Answer:
        self._check_budget()  # before anything of the page is asked, its host's robots.txt included
        meta = {
            "download_maxsize": MAX_BYTES,
            API: ask.api,
            KEYED: ask.api and self._run.plugin.key is not None,
            LISTING: ListingRequests(self._spend, self._retry_after),
        }
        try:
            request = Request(
                ask.url,
                method=ask.method,
                headers=dict(ask.headers),
                body=ask.body,
                dont_filter=True,
                meta=meta,
            )
            response: Response = await self._crawler.engine.download_async(request)
        except BudgetSpent:
            raise
        except Exception as error:
            raise refusal_of_exception(ask.url, error) from error
        return _answer_of(response)

    def _retry_after(self, response: Response) -> float | None:
        """Seconds that an answer asks to wait in the source's own way."""
        if self._listing.retry_after is None:
            return None
        with self._faults("read how long to wait"):
            seconds = self._listing.retry_after(_answer_of(response))
            return None if seconds is None else float(seconds)

    def _check_budget(self) -> None:
        most = self._run.ours.per_day
        if most is not None and self._book.asked_today() >= most:
            raise BudgetSpent(
                f"{self._run.source}: the {most} requests of today (crawl.sources[].per_day) are "
                "used up; tomorrow's crawl goes on"
            )

    def _spend(self) -> None:
        """Count a request against the day's budget as it is sent: retries and redirects, too."""
        self._check_budget()
        self._book.ask()

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Tell what a source's own code raises, one line each."""
        try:
            yield
        except (RefusedError, BadQueryError, MemoryError):
            raise
        except StickerworksError as error:
            raise FormatError(error.message, error.remedy) from error
        except Exception as error:
            logging.getLogger(__name__).exception("A source could not %s", doing)
            log = self._run.workspace.root / "crawl" / f"{self._run.source}.log"
            raise FormatError(
                f"The listing of {self._run.source} could not be understood: "
                f"{type(error).__name__}: {error}.",
                "The source may have changed its format. "
                f"{describe_plugin('sources', self._run.source)} reads it; the last lines of {log} "
                "say where.",
            ) from error


def _answer_of(response: Response) -> Answer:
    headers = {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }
    return Answer(response.status, response.url, headers, response.body)
