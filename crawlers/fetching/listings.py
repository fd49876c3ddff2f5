"""Lists a source query by query: one page at a time, while media of earlier pages are fetched.

The order is the same on every run (see ``Turns``). A page is noted as read only when all that it
lists has come to its end, so that a crawl that is killed reads at most a few pages again.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from crawlers.fetching.answers import Answers, BudgetSpent, FormatError
from crawlers.fetching.following import Following, is_inner
from crawlers.fetching.media import Found, MediaFetcher
from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.takes import Takes
from crawlers.observation import Key, Observation, key_of
from crawlers.queries.book import LEFT_OUT, QueryBook, Turn, Turns
from crawlers.source import BadQueryError, Page, RefusedError, no_observation
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import storable

_IN_A_ROW = 3
"""Queries in a row that fail: then the source has changed or is down, and it isn't the queries."""


@dataclass
class _PageUnderWay:
    """A page that is listed: the query's turn after it, and how much of it is still to be had.

    ``failure`` is the class of an error and its text, where the page could not be read.
    """

    after: Turn
    left: int
    failure: tuple[str, str] | None = None


class QueryLister:
    """Lists every open query of a source to its end, its daily budget, or the limit."""

    def __init__(self, run: SourceRun, book: QueryBook, fetcher: MediaFetcher, answers: Answers):
        self._run = run
        self._book = book
        self._fetcher = fetcher
        self._answers = answers
        self._turns = Turns(book)
        self._takes = Takes(run, fetcher)
        self._takes.where = self._say_where
        self._following = Following(run, fetcher)
        self._pages: dict[str, deque[_PageUnderWay]] = {}
        self._unread = 0
        self._unanswered: list[tuple[Turn, StickerworksError]] = []
        self._failed: StickerworksError | None = None
        self._read = 0

    async def run(self) -> None:
        """List; raises StickerworksError when the source must be left alone."""
        spent: BudgetSpent | None = None
        try:
            for turn in self._turns:
                if self._run.quota.full or not await self._take_turn(turn):
                    break
        except BudgetSpent as end:
            spent = end
        finally:
            await self._takes.finish()
        if self._failed is not None and not self._read:
            raise self._failed
        self._give_up_unanswered()
        if spent is not None:  # told only now: a page that comes to its end clears it
            self._run.report(str(spent))
            self._book.note("budget", str(spent))
        elif self._run.quota.full:
            self._book.note("limit", "the limit on stickers is reached (limit, or --limit)")

    async def _take_turn(self, turn: Turn) -> bool:
        """Read one page of a query and fetch what it lists; False when no more is wanted."""
        page, left_out = await self._page(turn)
        if page is None:
            return not self._run.stopped.is_set()
        if left_out is not None:
            turn = replace(turn, note=(LEFT_OUT, left_out))
        wanted = self._wanted(turn, page.observations)
        # Items of one query share its place, where their rank orders them.
        places = itertools.repeat(turn.place) if turn.query else itertools.count(turn.listed)
        found = self._fetcher.note(zip(places, wanted, strict=False), turn.listing_pass)
        after = self._following.turn(turn, page, found)
        self._read += left_out is None
        # The turn goes back first: settling a page may forget what is in the book.
        if after.cursors:
            self._turns.put_back(after)
        return await self._fetch(_PageUnderWay(after, len(found) + 1), found)

    async def _fetch(self, page: _PageUnderWay, found: Sequence[Found]) -> bool:
        query = page.after.query
        self._pages.setdefault(query, deque()).append(page)

        def done() -> None:
            page.left -= 1
            if not page.left:
                self._settle(query)

        for one in found:
            if not await self._takes.admit():
                return False
            await self._takes.start(one, done)
        done()  # for the page itself: one without observations is settled at once
        return not self._run.stopped.is_set()

    def _settle(self, query: str) -> None:
        """Write into the book how far the query is listed and fetched without a gap."""
        pages = self._pages[query]
        while pages and not pages[0].left:
            page = pages.popleft()
            if page.failure is None:
                self._book.advance(page.after)
            else:
                self._book.fail(page.after, *page.failure)
            self._turns.settled(query)
        if not pages:
            del self._pages[query]

    async def _page(self, turn: Turn) -> tuple[Page | None, str | None]:
        """The next page of a query; None where that query failed, or the run stopped.

        A listing within it that can't be had, such as a pack that was taken down, is an empty page,
        and the reason why.
        """
        try:
            page = await self._answers.page(turn.query, turn.cursors[0])
        except (RefusedError, BudgetSpent):
            raise
        except (BadQueryError, FormatError) as error:
            self._give_up_unanswered()
            self._unread += isinstance(error, FormatError)
            changed = isinstance(error, FormatError) and self._unread >= _IN_A_ROW
            if is_inner(turn.cursors[0]) and not changed:
                return Page(), self._tell_left_out(turn, error)
            self._fail(turn, "format" if isinstance(error, FormatError) else "bad_query", error)
            if changed:
                raise
            return None, None
        except StickerworksError as error:
            self._wait_for_others(turn, error)
            return None, None
        self._unread = 0
        if page is not None:
            self._give_up_unanswered()
        return page, None

    def _wait_for_others(self, turn: Turn, error: StickerworksError) -> None:
        """Leave a query that got no answer, until others tell whether it's the query or the source.

        Raises the error once so many in a row got none; they stay as they are, to be asked again.
        """
        self._failed = self._failed or error
        self._unanswered.append((turn, error))
        if len(self._unanswered) >= _IN_A_ROW:
            raise error

    def _give_up_unanswered(self) -> None:
        """Others were answered, so that those that were not failed by themselves."""
        unanswered, self._unanswered = self._unanswered, []
        for turn, error in unanswered:
            self._fail(turn, "no_answer", error)

    def _tell_left_out(self, turn: Turn, error: StickerworksError) -> str:
        message = self._clean(error)
        self._run.report(f"{self._run.source}: left out within {_shown(turn.query)}: {message}")
        return message

    def _fail(self, turn: Turn, error_class: str, error: StickerworksError) -> None:
        self._failed = self._failed or error
        message = self._clean(error)
        self._run.report(f"{self._run.source}: {_shown(turn.query)} failed: {message}")
        # Behind the query's earlier pages, which may still be under way.
        page = _PageUnderWay(turn, 0, (error_class, message))
        self._pages.setdefault(turn.query, deque()).append(page)
        self._settle(turn.query)

    def _clean(self, error: StickerworksError) -> str:
        return storable(self._run.ledger.without_secrets(error.message)) or type(error).__name__

    def _wanted(self, turn: Turn, observations: Sequence[Observation]) -> list[Observation]:
        """What of a page is to be noted: each once, under the query, no more than per_query."""
        source, most = self._run.source, self._run.ours.per_query
        found: dict[Key, Observation] = {}
        for observation in observations:
            if not isinstance(observation, Observation):
                raise no_observation(source, observation)
            ours = replace(observation, query=turn.query) if turn.query else observation
            found.setdefault(key_of(source, ours), ours)
        wanted = list(found.values())
        return wanted if most is None else wanted[: max(0, most - turn.listed)]

    def _say_where(self) -> str:
        return f", {self._read} pages of listings"


def _shown(query: str) -> str:
    return f"the query {query[:60]!r}" if query else "the listing"
