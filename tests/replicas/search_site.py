"""What replicas of searchable sources share: items listed by query, their files, and a client."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from loopback_site import Answer as Served
from loopback_site import Asked, Site, body, gif, not_found

from crawlers.source import Answer, Cursor, Page, Source

HOSTILE_TITLES = (
    "a\x00b\x1b]0;c\x07",
    "\u202egnp.tac",
    "\ud800 half",
    "<script>alert(1)</script>",
    "x" * 1_000_000,
)
JUNK = (None, True, 3, "x", [], {}, [[]], {"id": None}, {"id": {}}, {"id": [1], "images": 7})


@dataclass
class SearchSite(Site):
    """Items by the query that finds them, ``page_size`` a page at most; their files beside it."""

    listed: dict[str, list[Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    page_size: int = 3

    def entry(self, item: str, media_url: str) -> dict[str, Any]:
        """The item as the source lists it."""
        raise NotImplementedError

    def search(self, asked: Asked) -> Served:
        """The answer to what isn't a file."""
        raise NotImplementedError

    def add(self, *queries: str, **fields: Any) -> str:
        """List one more item with a file of its own under these queries; return its id."""
        item = str(1000 + len(self.files))
        path = f"/media/{item}.gif"
        self.files[path] = gif(len(self.files))
        for query in queries:
            self.list_entry(query, self.entry(item, self.url + path) | fields)
        return item

    def list_entry(self, query: str, entry: Any) -> None:
        """List anything under a query."""
        self.listed.setdefault(query, []).append(entry)

    def media_requests(self) -> list[str]:
        """The files that were asked for, in order."""
        return [one.path for one in self.asked if one.path in self.files]

    def choose(self, asked: Asked) -> Served:
        if asked.path in self.files:
            return body(self.files[asked.path], "image/gif")
        return not_found() if asked.path == "/.well-known/tdmrep.json" else self.search(asked)


def walk(source: Source, options: Any, query: str, cursor: Cursor | None = None) -> Iterator[Page]:
    """Page after page of a query's listing, requested plainly; cursors go through JSON."""
    assert source.listing is not None
    opener = build_opener(ProxyHandler({}))
    cursor = {} if cursor is None else cursor
    for _ in range(100):
        ask = source.listing.ask(options, query, cursor)
        request = Request(ask.url, ask.body or None, dict(ask.headers), method=ask.method)
        with opener.open(request, timeout=5) as got:
            headers = {name.lower(): value for name, value in got.headers.items()}
            answer = Answer(got.status, got.url, headers, got.read())
        page = source.listing.read(options, query, cursor, answer)
        yield page
        if page.next is None:
            return
        cursor = json.loads(json.dumps(page.next))
    raise AssertionError("the listing doesn't end")


def read_value(source: Source, options: Any, value: Any, cursor: Mapping[str, Any]) -> Page:
    """What the source reads in an answer of this value, written as JSON unless it is bytes."""
    assert source.listing is not None
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return source.listing.read(options, "q", cursor, Answer(200, "http://127.0.0.1/", {}, data))
