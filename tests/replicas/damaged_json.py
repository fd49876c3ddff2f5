"""Answers that a source never gives, and what a reader of them must keep to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from search_site import read_value

from crawlers.observation import columns_of, key_of
from crawlers.source import Source
from pipeline.engine.errors import StickerworksError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(st.characters(), max_size=10)
    | st.just("https://a.example/x")
    | st.just("http://[")
    | st.just("//"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def damaged(draw: Callable[[Any], Any], value: Any) -> Any:
    """The value, with up to three of its parts replaced by any JSON, or missing."""
    whole = [json.loads(json.dumps(value))]
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = whole
        key: Any = 0
        while isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 4)):
            holder = holder[key]
            names = sorted(holder) if isinstance(holder, dict) else range(len(holder))
            key = draw(st.sampled_from(list(names)))
        if holder is not whole and draw(st.integers(0, 3)) == 0:
            del holder[key]
        else:
            holder[key] = draw(JSON)
    return whole[0]


def reads_or_says_why(source: Source, options: Any, value: Any) -> None:
    """Reading raises nothing but StickerworksError; all that is read can be stored and asked."""
    assert source.listing is not None
    try:
        page = read_value(source, options, value, {})
    except StickerworksError:
        return
    for observation in page.observations:
        json.dumps(columns_of(observation), ensure_ascii=False).encode()
        key_of(source.name, observation)
    assert page.senseless >= 0
    if page.next is not None:
        cursor = json.loads(json.dumps(page.next))
        assert all(isinstance(part, str | int) for part in cursor.values())
        source.listing.ask(options, "q", cursor)
