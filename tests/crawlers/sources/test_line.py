from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_replica import LineReplica
from listing_walk import (
    HOSTILE_TITLES,
    JSON,
    NO_ENTRIES,
    answer,
    entries,
    found,
    listed,
    reads_or_explains,
    walk,
)
from loopback_site import serving
from pydantic import ValidationError

from crawlers.crawl import CrawlSummary
from crawlers.sources.line import SOURCE, LineOptions, ask, read
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

INNER = {"pack": "20000", "place": 4}


@pytest.fixture
def site() -> Iterator[LineReplica]:
    with serving(LineReplica()) as replica:
        yield replica


def _pack(*stickers: Any, **said: Any) -> Any:
    meta = {"title": {"en": "Cats"}, "stickers": list(stickers), "stickerResourceType": "STATIC"}
    return answer(meta | said)


def test_a_sticker_becomes_an_observation(site: LineReplica) -> None:
    site.add("dogs", 1)
    site.add("cats", 1)
    pack = site.add("happy cats", 2)
    *_, one = found(SOURCE, LineOptions(**site.options), "cats")
    assert (
        one.media_url == f"{site.url}/stickershop/v1/sticker/{one.source_id}/iPhone/sticker@2x.png"
    )
    assert one.source_id == str(site.packs[pack]["stickers"][1]["id"])
    assert (one.pack_id, one.pack_title, one.author) == (pack, "happy cats", "作者")
    assert (one.rank, one.pack_index, one.title) == (1, 1, None)
    assert one.page_url == f"https://store.line.me/stickershop/product/{pack}/en"
    assert (one.licence, one.licence_basis) == (None, "none")


def test_a_search_is_read_page_by_page(site: LineReplica) -> None:
    packs = [site.add(f"猫 & cat {number}", 1) for number in range(80)]
    pages = list(walk(SOURCE, LineOptions(**site.options), "猫 & cat"))
    ones = [one for page in pages for one in page.observations]
    assert [one.pack_id for one in ones] == packs
    assert [one.rank for one in ones] == list(range(80))
    searches = [asked.query for asked in site.asked if asked.path == "/api/search/sticker"]
    assert [query["offset"] for query in searches] == ["0", "36", "72"]


@pytest.mark.parametrize(
    ("items", "total", "goes_on"),
    [(36, 100, True), (36, 36, False), (0, 100, False), (5, None, True), (5, "x", True)],
)
def test_a_search_ends_where_it_says_or_brings_nothing(
    items: int, total: Any, goes_on: bool
) -> None:
    found = {"items": [{"id": str(number)} for number in range(items)], "totalCount": total}
    page = read(LineOptions(), "cat", {}, answer(found))
    assert page.next == ({"offset": items} if goes_on else None)


@pytest.mark.parametrize(
    ("said", "file"),
    [
        ({}, "iPhone/sticker@2x.png"),
        ({"stickerResourceType": "ANIMATION"}, "iPhone/sticker_animation@2x.png"),
        ({"stickerResourceType": "ANIMATION_SOUND"}, "iPhone/sticker_animation@2x.png"),
        ({"stickerResourceType": None, "hasAnimation": True}, "iPhone/sticker_animation@2x.png"),
        ({"stickerResourceType": "POPUP"}, "android/sticker_popup.png"),
        ({"stickerResourceType": "NEW"}, "iPhone/sticker@2x.png"),
    ],
)
def test_the_file_is_the_best_that_the_pack_has(said: dict[str, Any], file: str) -> None:
    (one,) = read(LineOptions(), "cat", INNER, _pack({"id": 7}, **said)).observations
    assert one.media_url == f"https://stickershop.line-scdn.net/stickershop/v1/sticker/7/{file}"


@pytest.mark.parametrize(
    ("language", "titles", "title"),
    [
        ("ja", {"en": "Cats", "ja": "猫"}, "猫"),
        ("zh-Hant", {"en": "Cats", "zh_Hant": "貓"}, "貓"),
        ("fr", {"en": "Cats", "ja": "猫"}, "Cats"),
        ("fr", {"ja": "猫", "ko": "고양이"}, "猫"),
        ("en", {"en": " ", "ja": 3}, None),
        ("en", [], None),
    ],
)
def test_a_title_is_in_the_language_that_is_asked_for(
    language: str, titles: Any, title: str | None
) -> None:
    options = LineOptions(language=language)
    (one,) = read(options, "cat", INNER, _pack({"id": 7}, title=titles)).observations
    assert one.pack_title == title
    assert ask(options, "cat", {}).headers == {"Accept-Language": language}


def test_the_text_on_a_sticker_is_its_title() -> None:
    entry = {"id": 7, "customPlus": {"defaultText": "おはよう"}}
    (one,) = read(LineOptions(), "cat", INNER, _pack(entry)).observations
    assert one.title == "おはよう"


@pytest.mark.parametrize("language", ["en\r\nX: y", "", "e", "en,de;q=0.5"])
def test_a_language_is_no_more_than_a_language(language: str) -> None:
    with pytest.raises(ValidationError):
        LineOptions(language=language)


@pytest.mark.parametrize("cursor", [{}, INNER])
@pytest.mark.parametrize("value", [b"<html>", b"", [], None, {}, {"items": {}, "stickers": 3}])
def test_an_answer_of_another_shape_is_one_clear_error(cursor: Any, value: Any) -> None:
    with pytest.raises(StickerworksError, match="may have changed its format"):
        read(LineOptions(), "cat", cursor, answer(value))


def test_entries_that_make_no_sense_are_counted() -> None:
    bad = [*NO_ENTRIES, {"id": "../1"}, {"id": "1" * 31}, {"id": -1}, {"id": "٣"}, {"id": 7}]
    page = read(LineOptions(), "cat", INNER, _pack({"id": 7}, *bad))
    assert (len(page.observations), page.senseless) == (1, len(bad))
    search = read(LineOptions(), "cat", {}, answer({"items": [{"id": "7"}, *bad]}))
    assert ([one["pack"] for one in search.inner], search.senseless) == (["7"], len(bad))


@pytest.mark.parametrize("title", HOSTILE_TITLES)
def test_hostile_titles_can_be_stored(title: str) -> None:
    entry = {"id": 7, "customPlus": {"defaultText": title}}
    page = read(LineOptions(), "cat", INNER, _pack(entry, title={"en": title}))
    (columns,) = listed(page)
    assert len(columns["title"]) <= 2000


@settings(max_examples=40, deadline=None)
@given(
    JSON | st.fixed_dictionaries({"stickers": entries("id", "customPlus"), "title": JSON}),
    JSON | st.fixed_dictionaries({"items": entries("id"), "totalCount": JSON}),
)
def test_any_answer_is_read_or_explained(pack: Any, search: Any) -> None:
    reads_or_explains(SOURCE, LineOptions(), INNER, pack)
    reads_or_explains(SOURCE, LineOptions(), {}, search)


def test_two_queries_are_crawled_over_several_pages(
    site: LineReplica, workspace: Workspace, crawl_source: Callable[..., CrawlSummary]
) -> None:
    for number in range(38):
        site.add(f"cat {number}", 1)
    site.add("dog", 3, "ANIMATION")
    summary = crawl_source("line", site, ["cat", "dog"], site.options, {"accept_terms": True})
    assert (summary.observations, summary.unfetched) == (41, {})
    ids = {hashlib.sha256(data).hexdigest() for data in site.files.values()}
    stickers = workspace.read("stickers").to_pylist()
    assert {row["id"] for row in stickers} == ids
    assert [row["format"] for row in stickers].count("apng") == 3
    rows = workspace.read("observations").to_pylist()
    assert sorted(row["rank"] for row in rows if row["query"] == "cat") == list(range(38))
