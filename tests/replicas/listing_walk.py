"""Walks a source's listing over HTTP as the driver does, and feeds it answers that make no sense.

What a source reads must be an Observation that tables hold, or an error for people.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from crawlers.observation import Observation, columns_of, key_of
from crawlers.source import Answer, Ask, Cursor, Page, Source
from pipeline.engine.errors import StickerworksError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Anything that JSON can say."""

_ADDRESSES = st.sampled_from(
    [
        "http://127.0.0.1:9/a.gif",
        "//media.example/a",
        "https://[",
        "http://a:b@c/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "storage/a.png",
        "../../a.png",
        "http://a.example/\ud800\x00?key=1",
    ]
)

HOSTILE_TITLES = ("\u202eevil\x1b[31m\x00", "x" * 1_000_000, "\ud800", "a\u2028b\nc")
"""Titles that a terminal would obey, that no table holds, or that nobody wants whole."""

NO_ENTRIES: tuple[Any, ...] = (None, True, 3, 0.5, "text", [], [[]], {"a": {"b": [None]}})
"""What may stand in a list in the place of an entry."""


def entries(*names: str) -> st.SearchStrategy[list[Any]]:
    """Lists of what may or may not be an entry with fields of these names."""
    value = JSON | _ADDRESSES | st.integers(0, 9).map(str)
    entry = st.fixed_dictionaries({}, optional=dict.fromkeys(names, value))
    return st.lists(entry | JSON, max_size=4)


def answer(value: Any, status: int = 200) -> Answer:
    """An answer with this value as JSON; bytes stand for themselves."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(status, "http://127.0.0.1/", {}, body)


def listed(page: Page) -> list[dict[str, Any]]:
    """The columns of what the page lists, as the ledger holds them."""
    return [_columns(observation) for observation in page.observations]


def reads_or_explains(source: Source, options: Any, cursor: Cursor, value: Any) -> Page | None:
    """The page, all of which tables can hold; None where an error for people was raised."""
    assert source.listing is not None
    try:
        page = source.listing.read(options, "cat", cursor, answer(value))
    except StickerworksError as error:
        lines = str(error).splitlines()
    else:
        listed(page)
        json.dumps([page.next, list(page.inner)]).encode()
        return page
    assert len(lines) == 1
    return None


def request(ask: Ask) -> Answer:
    """What comes over HTTP for an Ask."""
    asked = urllib.request.Request(
        ask.url, data=ask.body or None, headers=dict(ask.headers), method=ask.method
    )
    with urllib.request.urlopen(asked, timeout=10) as response:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, response.url, headers, response.read())


def walk(source: Source, options: Any, query: str, cursor: Cursor | None = None) -> Iterator[Page]:
    """Every page of a query's listing, the inner ones before the next."""
    assert source.listing is not None
    at: Cursor | None = {} if cursor is None else cursor
    while at is not None:
        page = source.listing.read(
            options, query, at, request(source.listing.ask(options, query, at))
        )
        yield page
        for inner in page.inner:
            yield from walk(source, options, query, inner)
        at = page.next


def found(source: Source, options: Any, query: str) -> list[Observation]:
    """All that a query finds."""
    return [one for page in walk(source, options, query) for one in page.observations]


def _columns(observation: Observation) -> dict[str, Any]:
    columns = columns_of(observation)
    key = key_of("any", observation)
    json.dumps([columns, key.source_id], ensure_ascii=False).encode()
    return columns | {"source_id": key.source_id}
