"""Walks a listing with the listings that it names, and feeds a source what may be an entry or not.

What a source reads must be an Observation that tables hold, or an error for people.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import search_site
from damaged_json import JSON
from hypothesis import strategies as st

from crawlers.observation import Observation, columns_of, key_of
from crawlers.source import Answer, Cursor, Page, Source
from pipeline.engine.errors import StickerworksError

NO_ENTRIES = tuple(one for one in search_site.JUNK if one != {})
"""What may stand in a list in the place of an entry."""

_ADDRESSES = st.sampled_from(
    [
        "http://127.0.0.1:9/a.gif",
        "//media.example/a",
        "https://[::1]@b]/a",
        "http://a:b@c/",
        "javascript:alert(1)",
        "storage/a.png",
        "../../a.png",
        "http://a.example/\ud800\x00?key=1",
    ]
)


def entries(*names: str) -> st.SearchStrategy[list[Any]]:
    """Lists of what may or may not be an entry with fields of these names."""
    value = _ADDRESSES | JSON | st.integers(0, 9).map(str)
    entry = st.fixed_dictionaries({}, optional=dict.fromkeys(names, value))
    return st.lists(entry | JSON, max_size=3)


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
        page = source.listing.read(options, "", cursor, answer(value))
    except StickerworksError as error:
        lines = str(error).splitlines()
    else:
        listed(page)
        json.dumps([page.next, list(page.inner)]).encode()
        return page
    assert len(lines) == 1
    return None


def walk(source: Source, options: Any, query: str, cursor: Cursor | None = None) -> Iterator[Page]:
    """Every page of a query's listing, the inner ones before the next, as the driver reads them."""
    for page in search_site.walk(source, options, query, cursor):
        yield page
        for inner in page.inner:
            yield from walk(source, options, query, inner)


def found(source: Source, options: Any, query: str) -> list[Observation]:
    """All that a query finds."""
    return [one for page in walk(source, options, query) for one in page.observations]


def _columns(observation: Observation) -> dict[str, Any]:
    columns = columns_of(observation)
    key = key_of("any", observation)
    json.dumps([columns, key.source_id], ensure_ascii=False).encode()
    return columns | {"source_id": key.source_id}
