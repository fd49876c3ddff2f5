"""Where a query's listing goes on after a page, and where it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from crawlers.fetching.media import Found, MediaFetcher
from crawlers.fetching.source_run import SourceRun
from crawlers.observation import Observation, key_of
from crawlers.queries.book import Turn, after_page
from crawlers.source import ITEM, Cursor, Page

_INNER = "@inner"
_EMPTY_PAGES = 3  # of adverts, or of what nobody can read: more of them bring nothing either
_MAX_PAGES = 100_000  # a page may be one pack; what goes on for ever ends here
_NOTES = {
    "per_query": "crawl.sources[].per_query is reached",
    "empty_pages": f"{_EMPTY_PAGES} pages in a row listed nothing",
    "max_pages": f"it has more than {_MAX_PAGES} pages",
}


def is_inner(cursor: Cursor) -> bool:
    """Whether a cursor leads to a listing within a query's own, such as a pack."""
    return _INNER in cursor


def as_the_source_knows_it(cursor: Cursor) -> Cursor:
    """The cursor without what we noted in it."""
    return {name: value for name, value in cursor.items() if name != _INNER}


class Following:
    """Makes a query's turn after a page from what the page says and what is known of it."""

    def __init__(self, run: SourceRun, fetcher: MediaFetcher) -> None:
        self._run = run
        self._fetcher = fetcher

    def turn(self, turn: Turn, page: Page, found: Sequence[Found]) -> Turn:
        """The query's turn after the page, without what leads nowhere."""
        current = turn.cursors[0]
        inner = [_inner(one) for one in page.inner if not self._is_held(turn, one)]
        digest = _digest(found) if found else None
        repeats = digest is not None and digest == turn.last_page
        ends = repeats or page.next == as_the_source_knows_it(current)
        following: list[Cursor] = inner
        if page.next is not None and not ends and not self._all_known(turn, found):
            following = [*inner, _inner(page.next) if is_inner(current) else page.next]
        after = after_page(turn, following, len(found), page.total, digest)
        nothing = not (found or page.inner or is_inner(current))
        after = replace(after, empty=turn.empty + 1 if nothing else 0)
        ended = self._ended(after)
        # What per_query cut off this page was never listed, also where it was the last one.
        if ended is not None and (after.cursors or ended == "per_query"):
            return replace(after, cursors=(), whole=False, note=(ended, _NOTES[ended]))
        return after if after.cursors else replace(after, whole=True)

    def _ended(self, after: Turn) -> str | None:
        """What of ours ends the query here; None where nothing does."""
        most = self._run.ours.per_query
        if most is not None and after.listed >= most:
            return "per_query"
        if after.empty >= _EMPTY_PAGES:
            return "empty_pages"
        return "max_pages" if after.pages >= _MAX_PAGES else None

    def _all_known(self, turn: Turn, found: Sequence[Found]) -> bool:
        """Whether a query that was once listed to its end has nothing new on this page."""
        return (
            turn.whole
            and bool(found)
            and all(
                one.known is not None
                and one.known.listing_pass < turn.listing_pass
                and self._fetcher.settled(one)
                for one in found
            )
        )

    def _is_held(self, turn: Turn, cursor: Cursor) -> bool:
        """Whether a cursor is about one item whose bytes we have: nobody needs to ask for it."""
        item = cursor.get(ITEM)
        if not isinstance(item, str):
            return False
        key = key_of(self._run.source, Observation(item, query=turn.query or None))
        return self._fetcher.is_held(key)


def _inner(cursor: Mapping[str, str | int]) -> Cursor:
    return {**cursor, _INNER: 1}


def _digest(found: Sequence[Found]) -> str:
    names = "\n".join(f"{one.key.source_id}\t{one.key.variant}" for one in found)
    return hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()[:16]
