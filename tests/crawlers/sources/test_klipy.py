from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from damaged_json import JSON, damaged, reads_or_says_why
from hypothesis import given, settings
from klipy_replica import AD, KlipyReplica, said
from loopback_site import serving
from search_site import HOSTILE_TITLES, JUNK, read_value, walk

from crawlers.observation import columns_of
from crawlers.source import RefusedError
from crawlers.sources.klipy import SOURCE, KlipyOptions, ask
from pipeline.engine.errors import StickerworksError

ENTRY = KlipyReplica().entry("1", "https://static.klipy.com/1.gif")


@pytest.fixture
def klipy(monkeypatch: pytest.MonkeyPatch) -> Iterator[KlipyReplica]:
    """A running, empty replica of KLIPY, and its key in the environment."""
    with serving(KlipyReplica()) as replica:
        monkeypatch.setenv("STICKERWORKS_KLIPY_KEY", replica.key)
        yield replica


def test_every_page_of_a_search_is_listed_without_advertisements(klipy: KlipyReplica) -> None:
    ids = [klipy.add("猫 & dog") for _ in range(7)]
    pages = list(walk(SOURCE, KlipyOptions(api=klipy.url), "猫 & dog"))
    found = [one for page in pages for one in page.observations]
    assert [len(page.observations) for page in pages] == [3, 3, 1]
    assert [one.source_id for one in found] == ids
    assert [one.rank for one in found] == list(range(7))
    assert {page.senseless for page in pages} == {0}


def test_a_listing_goes_on_at_a_cursor_with_the_same_ranks(klipy: KlipyReplica) -> None:
    for _ in range(7):
        klipy.add("cat")
    options = KlipyOptions(api=klipy.url)
    first, *rest = walk(SOURCE, options, "cat")
    assert list(walk(SOURCE, options, "cat", first.next)) == rest
    assert klipy.key not in json.dumps(first.next)


def test_the_key_stands_in_the_path_alone(klipy: KlipyReplica) -> None:
    options = KlipyOptions(api=klipy.url, kind="gifs", locale="cn", content_filter="low")
    asked = ask(options, "cat", {"page": 3, "rank": 100})
    path, _, query = asked.url.partition("?")
    assert path == f"{klipy.url}/api/v1/k3y%20of%2Fklipy/gifs/search"
    assert query == (
        "q=cat&page=3&per_page=50&customer_id=stickerworks&content_filter=low"
        "&format_filter=gif%2Cwebp&locale=cn"
    )
    assert asked.api


def test_an_entry_becomes_an_observation() -> None:
    (one,) = read_value(SOURCE, KlipyOptions(), said([ENTRY]), {}).observations
    assert (one.source_id, one.title, one.tags) == ("1", "Happy cat 1", ("cat", "happy"))
    assert one.media_url == "https://static.klipy.com/1.gif?gif"
    assert one.page_url == "https://klipy.com/stickers/happy-cat-1"
    assert (one.licence, one.licence_basis) == (None, "none")


def test_the_largest_file_of_the_wanted_format_comes_first() -> None:
    def file(name: str) -> dict[str, str]:
        return {"url": f"https://s.example/{name}"}

    files = {"xs": {"webp": file("xs.webp"), "gif": file("xs.gif")}, "hd": {"gif": file("hd.gif")}}
    for wanted, got in (("gif", "hd.gif"), ("webp", "xs.webp")):
        options = KlipyOptions.model_validate({"format": wanted})
        page = read_value(SOURCE, options, said([ENTRY | {"file": files}]), {})
        assert page.observations[0].media_url == f"https://s.example/{got}"
    only = {"hd": {"gif": file("hd.gif"), "mp4": file("hd.mp4")}}
    options = KlipyOptions(format="webp")
    page = read_value(SOURCE, options, said([ENTRY | {"file": only}]), {})
    assert page.observations[0].media_url == "https://s.example/hd.gif"


@pytest.mark.parametrize("slug", ["../../x", "a b", "", None, 3, "a" * 300])
def test_a_slug_that_is_none_makes_no_address(slug: Any) -> None:
    page = read_value(SOURCE, KlipyOptions(), said([ENTRY | {"slug": slug}]), {})
    assert page.observations[0].page_url is None


def test_a_refusal_stops_the_source_and_tells_no_key(klipy: KlipyReplica) -> None:
    klipy.refusing = True
    with pytest.raises(RefusedError) as caught:
        list(walk(SOURCE, KlipyOptions(api=klipy.url), "cat"))
    assert "STICKERWORKS_KLIPY_KEY" in caught.value.remedy
    assert klipy.key not in str(caught.value)


def test_a_key_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STICKERWORKS_KLIPY_KEY", raising=False)
    with pytest.raises(StickerworksError, match="STICKERWORKS_KLIPY_KEY isn't set"):
        ask(KlipyOptions(), "cat", {})


def test_no_results_end_the_listing(klipy: KlipyReplica) -> None:
    (page,) = walk(SOURCE, KlipyOptions(api=klipy.url), "nothing")
    assert (page.observations, page.next) == ([], None)


def test_a_page_without_entries_ends_a_listing_that_says_it_goes_on() -> None:
    assert read_value(SOURCE, KlipyOptions(), said([], has_next=True), {}).next is None
    assert read_value(SOURCE, KlipyOptions(), said([AD], has_next=True), {}).next is not None


@pytest.mark.parametrize("said_next", [{}, {"has_next": None}, {"has_next": "yes"}])
def test_behind_a_full_page_a_listing_goes_on_where_nothing_is_said(said_next: Any) -> None:
    def goes_on(entries: int, **more: Any) -> bool:
        data = {"data": [ENTRY] * entries} | said_next | more
        page = read_value(SOURCE, KlipyOptions(), {"result": True, "data": data}, {})
        return page.next is not None

    assert [goes_on(entries) for entries in (0, 1, 49, 50)] == [False, False, False, True]
    assert [goes_on(entries, per_page=24) for entries in (0, 23, 24)] == [False, False, True]
    assert not goes_on(49, per_page=10**9)
    assert not goes_on(0, per_page=0)
    assert not goes_on(50, has_next=False)


def test_junk_costs_its_own_entry_and_keeps_its_place() -> None:
    page = read_value(SOURCE, KlipyOptions(), said([*JUNK, AD, ENTRY]), {})
    assert (len(page.observations), page.senseless) == (1, len(JUNK))
    assert page.observations[0].rank == len(JUNK)


@pytest.mark.parametrize("title", HOSTILE_TITLES, ids=range(len(HOSTILE_TITLES)))
def test_hostile_titles_can_be_stored(title: str) -> None:
    page = read_value(SOURCE, KlipyOptions(), said([ENTRY | {"title": title}]), {})
    stored = columns_of(page.observations[0])["title"]
    assert len(stored) <= 2000
    assert not set(stored) & set("\x00\x1b\u202e\ud800")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"data": []}', b'{"data": {"data": {}}}', b"\xff"]
)
def test_another_format_is_one_clear_line(body: bytes) -> None:
    with pytest.raises(StickerworksError, match="isn't what KLIPY answers") as caught:
        read_value(SOURCE, KlipyOptions(), body, {})
    assert not isinstance(caught.value, RefusedError)


@settings(max_examples=100, deadline=None)
@given(JSON | damaged(said([ENTRY, AD, ENTRY], has_next=True)))
def test_any_answer_is_read_or_explained(value: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STICKERWORKS_KLIPY_KEY", "k")
        reads_or_says_why(SOURCE, KlipyOptions(), value)
