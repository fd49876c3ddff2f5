from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from damaged_json import JSON, damaged, reads_or_says_why
from giphy_replica import GiphyReplica, said
from hypothesis import given, settings
from loopback_site import serving
from pydantic import ValidationError
from search_site import HOSTILE_TITLES, JUNK, read_value, walk

from crawlers.observation import columns_of
from crawlers.source import BadQueryError, RefusedError
from crawlers.sources.giphy import SOURCE, GiphyOptions, ask
from pipeline.engine.errors import StickerworksError

ENTRY = GiphyReplica().entry("1", "https://media1.giphy.com/media/1/giphy.gif")


@pytest.fixture
def giphy(monkeypatch: pytest.MonkeyPatch) -> Iterator[GiphyReplica]:
    """A running, empty replica of GIPHY, and its key in the environment."""
    with serving(GiphyReplica()) as replica:
        monkeypatch.setenv("STICKERWORKS_GIPHY_KEY", replica.key)
        yield replica


def _asked(query: str = "cat", cursor: Any = None, **options: Any) -> dict[str, str]:
    url = ask(GiphyOptions(**options), query, cursor or {}).url
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_every_page_of_a_search_is_listed_in_order(giphy: GiphyReplica) -> None:
    ids = [giphy.add("猫 & dog") for _ in range(7)]
    pages = list(walk(SOURCE, GiphyOptions(api=giphy.url), "猫 & dog"))
    found = [one for page in pages for one in page.observations]
    assert [len(page.observations) for page in pages] == [3, 3, 1]
    assert [one.source_id for one in found] == ids
    assert [one.rank for one in found] == list(range(7))
    assert {page.total for page in pages} == {7}


def test_a_listing_goes_on_at_a_cursor_with_the_same_ranks(giphy: GiphyReplica) -> None:
    for _ in range(7):
        giphy.add("cat")
    options = GiphyOptions(api=giphy.url)
    first, *rest = walk(SOURCE, options, "cat")
    again = list(walk(SOURCE, options, "cat", first.next))
    assert again == rest
    assert giphy.key not in repr(first.next)


def test_an_entry_becomes_an_observation() -> None:
    (one,) = read_value(SOURCE, GiphyOptions(), said([ENTRY], 1, 0), {}).observations
    assert (one.source_id, one.title, one.author) == (
        "1",
        "Happy cat 1 Sticker by Cats",
        "Cats & Co",
    )
    # GIPHY forbids changing the addresses of its media, so the query stays.
    assert one.media_url == "https://media1.giphy.com/media/1/giphy.gif?cid=c0ffee&rid=giphy.gif"
    assert one.page_url == "https://giphy.com/stickers/happy-cat-1"
    assert (one.licence, one.licence_basis) == (None, "none")
    assert one.raw == ENTRY


def test_the_format_that_was_asked_for_comes_first() -> None:
    original = ENTRY["images"]["original"] | {"webp": "https://m.example/1.webp"}
    entry = ENTRY | {"images": {"original": original}}
    for wanted, ending in (("webp", "1.webp"), ("gif", "giphy.gif?cid=c0ffee&rid=giphy.gif")):
        options = GiphyOptions.model_validate({"format": wanted})
        (one,) = read_value(SOURCE, options, said([entry], 1, 0), {}).observations
        assert (one.media_url or "").endswith(ending)


def test_options_are_what_is_asked_for(giphy: GiphyReplica) -> None:
    asked = _asked(rating="pg-13", lang="zh-CN", cursor={"offset": 100})
    assert (asked["rating"], asked["lang"], asked["offset"]) == ("pg-13", "zh-CN", "100")
    assert "lang" not in _asked()
    assert "/v1/gifs/search?" in ask(GiphyOptions(kind="gifs"), "cat", {}).url
    for wrong in ({"api": "ftp://x"}, {"api": "http://u:p@x"}, {"api": "http://x/?a=b"}):
        with pytest.raises(ValidationError):
            GiphyOptions.model_validate(wrong)


def test_a_query_that_is_too_long_is_not_cut() -> None:
    with pytest.raises(BadQueryError, match="at most 50 characters"):
        ask(GiphyOptions(), "x" * 51, {})


def test_a_key_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STICKERWORKS_GIPHY_KEY", raising=False)
    with pytest.raises(StickerworksError, match="STICKERWORKS_GIPHY_KEY isn't set"):
        ask(GiphyOptions(), "cat", {})


@pytest.mark.parametrize("code", [401, 403, 429])
def test_a_refusal_in_the_body_stops_the_source(code: int) -> None:
    with pytest.raises(RefusedError, match=str(code)):
        read_value(SOURCE, GiphyOptions(), said([], 0, 0, code, "no"), {})


def test_its_own_trouble_is_not_an_empty_result(giphy: GiphyReplica) -> None:
    giphy.troubled = True
    with pytest.raises(StickerworksError, match="trouble of its own"):
        list(walk(SOURCE, GiphyOptions(api=giphy.url), "cat"))


def test_no_results_end_the_listing(giphy: GiphyReplica) -> None:
    (page,) = walk(SOURCE, GiphyOptions(api=giphy.url), "nothing")
    assert (page.observations, page.next, page.total) == ([], None, 0)


def test_the_listing_ends_where_its_offsets_do() -> None:
    body = said([ENTRY], 9000, 4999)
    assert read_value(SOURCE, GiphyOptions(), body, {"offset": 4999}).next is None
    assert read_value(SOURCE, GiphyOptions(), body, {"offset": 4998}).next == {"offset": 4999}


def test_junk_costs_its_own_entry_and_keeps_its_place() -> None:
    page = read_value(SOURCE, GiphyOptions(), said([*JUNK, ENTRY], 11, 0), {})
    assert (len(page.observations), page.senseless) == (1, len(JUNK))
    assert page.observations[0].rank == len(JUNK)


@pytest.mark.parametrize("title", HOSTILE_TITLES, ids=range(len(HOSTILE_TITLES)))
def test_hostile_titles_can_be_stored(title: str) -> None:
    body = said([ENTRY | {"title": title}], 1, 0)
    (one,) = read_value(SOURCE, GiphyOptions(), body, {}).observations
    stored = columns_of(one)["title"]
    assert len(stored) <= 2000
    assert not set(stored) & set("\x00\x1b\u202e\ud800")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"data": {}}', b"[" * 100_000])
def test_another_format_is_one_clear_line(body: bytes) -> None:
    with pytest.raises(StickerworksError, match="isn't what GIPHY answers") as caught:
        read_value(SOURCE, GiphyOptions(), body, {})
    assert not isinstance(caught.value, RefusedError)


@settings(max_examples=100, deadline=None)
@given(JSON | damaged(said([ENTRY, ENTRY], 100, 0)))
def test_any_answer_is_read_or_explained(value: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STICKERWORKS_GIPHY_KEY", "k")
        reads_or_says_why(SOURCE, GiphyOptions(), value)
