"""The book of queries: whose turn it is, however often a crawl is interrupted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.ledger.ledger import Blob, CrawlLedger, FetchFailure, open_ledger
from crawlers.observation import Key
from crawlers.queries.book import QueryBook, Turn, Turns, after_page


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[CrawlLedger]:
    with open_ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def _read(turn: Turn, pages: int) -> Turn:
    """The query's turn after one more of so many pages."""
    following = [{"page": turn.pages + 1}] if turn.pages + 1 < pages else []
    return after_page(turn, following, 1, None, f"page {turn.pages}")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=12),
    st.integers(1, 5),
    st.lists(st.integers(1, 12), max_size=4),
    st.integers(0, 3),
)
def test_every_page_is_read_once_in_a_fair_order_whatever_interrupts(
    pages: list[int], window: int, runs: list[int], behind: int
) -> None:
    queries = [f"q{number}" for number in range(len(pages))]
    wanted = sorted((page, place) for place, count in enumerate(pages) for page in range(count))
    read: list[tuple[int, int]] = []
    with TemporaryDirectory() as folder, open_ledger(Path(folder) / "l.sqlite") as ledger:
        book = QueryBook(ledger, "web", "x")
        for steps in (*runs, 1000):
            book.plan(queries)
            turns, unsettled = Turns(book, window), []
            for turn, _ in zip(turns, range(steps), strict=False):
                after = _read(turn, pages[turn.place])
                if after.cursors:
                    turns.put_back(after)
                unsettled.append((turn, after))
                # Pages come to their end later than they are read, but in order.
                while len(unsettled) > behind:
                    _settle(book, turns, unsettled, read)
            if steps == 1000:  # an interrupted run leaves the rest behind
                while unsettled:
                    _settle(book, turns, unsettled, read)
        assert not book.has_open()
    assert sorted(read) == wanted
    if not runs and not behind:
        assert read == wanted


def _settle(
    book: QueryBook,
    turns: Turns,
    unsettled: list[tuple[Turn, Turn]],
    read: list[tuple[int, int]],
) -> None:
    turn, after = unsettled.pop(0)
    book.advance(after)
    turns.settled(turn.query)
    read.append((turn.pages, turn.place))


def test_queries_that_are_dropped_from_the_plan_wait_until_they_are_back(
    ledger: CrawlLedger,
) -> None:
    book = QueryBook(ledger, "web", "x")
    assert book.plan(["cat", "dog", "cat"]) == 2
    (cat, dog) = book.turns((-1, -1), 10)
    book.advance(_read(cat, 3))
    book.advance(_read(dog, 1))
    assert book.plan(["bird"]) == 1
    assert [turn.query for turn in book.turns((-1, -1), 10)] == ["bird"]
    book.plan(["dog", "cat"])
    (cat,) = book.turns((-1, -1), 10)
    assert (cat.query, cat.place, cat.pages, cat.cursors) == ("cat", 1, 1, ({"page": 1},))


def test_other_options_have_a_book_of_their_own(ledger: CrawlLedger) -> None:
    gifs, stickers = QueryBook(ledger, "web", "gifs"), QueryBook(ledger, "web", "stickers")
    gifs.plan(["cat"])
    stickers.plan(["dog"])
    assert [turn.query for turn in gifs.turns((-1, -1), 10)] == ["cat"]


@pytest.mark.parametrize(
    ("failure", "whole"),
    [
        (None, True),
        (FetchFailure("gone", "http_404", "x", policy="p"), True),
        (FetchFailure("refused", "robots", "x", policy="p"), True),
        (FetchFailure("refused", "robots", "x", policy="other"), False),
        (FetchFailure("retry_at", "http_500", "x", policy="p"), False),
    ],
)
def test_what_is_still_to_be_had_is_listed_again_to_the_end(
    ledger: CrawlLedger, failure: FetchFailure | None, whole: bool
) -> None:
    book = QueryBook(ledger, "web", "x")
    book.plan(["cat"])
    for number in (1, 2, 3):  # in every pass, not only in the second one
        book.begin("p")
        (turn,) = book.turns((-1, -1), 10)
        assert (turn.listing_pass, turn.pages, turn.cursors) == (number, 0, ({},))
        assert turn.whole == (whole and number > 1)
        book.advance(replace(_read(turn, 1), whole=True))
        if failure is not None:
            key = Key("web", "a", "cat", "")
            ledger.note(key, 0, {}, True, listing_pass=1)
            ledger.record_failure(key, failure)


def test_what_was_asked_for_long_ago_is_listed_again_to_the_end(ledger: CrawlLedger) -> None:
    book = QueryBook(ledger, "web", "x")
    book.plan(["cat"])
    (turn,) = book.turns((-1, -1), 10)
    key = Key("web", "a", "cat", "")
    ledger.note(key, 0, {}, True, listing_pass=1)
    ledger.record_blob(key, Blob("ab" * 32, "gif", 1, "media/x.gif", None), {})
    for before, whole in ((0.0, True), (None, True), (time.time() + 9, False)):
        book.advance(replace(_read(turn, 1), whole=True))
        book.begin("p", before)
        (again,) = book.turns((-1, -1), 10)
        assert again.whole == whole


def test_requests_of_a_day_are_counted(ledger: CrawlLedger) -> None:
    book = QueryBook(ledger, "web", "x")
    assert book.asked_today() == 0
    book.ask()
    book.ask()
    assert QueryBook(ledger, "web", "other").asked_today() == 2
    assert QueryBook(ledger, "other", "x").asked_today() == 0
