from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import listing_walk
import pytest
import sogou_replica
from damaged_json import JSON
from hypothesis import given, settings
from hypothesis import strategies as st
from listing_walk import NO_ENTRIES, answer, found, reads_or_explains
from loopback_site import body, json_body
from search_site import HOSTILE_TITLES

from crawlers.crawl import CrawlSummary
from crawlers.source import Answer, RefusedError
from crawlers.sources.sogou import SOURCE, SogouOptions, ask, read
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

SEARCHES: Any = ["emoji", "images"]
EMOJI = "/napi/wap/emoji/searchlist"
BROKEN = {"thumbSrc": "https://[::1]@b]/a"}  # once its user is taken away


@pytest.fixture
def site() -> Iterator[sogou_replica.Replica]:
    with sogou_replica.serving(sogou_replica.Replica()) as replica:
        yield replica


def _options(site: sogou_replica.Replica, **given: Any) -> SogouOptions:
    return SogouOptions(api=site.url, **given)


def test_stickers_are_listed_page_by_page(site: sogou_replica.Replica) -> None:
    paths = [site.add("猫 & 狗") for _ in range(12)]
    site.add("other")
    observations = found(SOURCE, _options(site), "猫 & 狗")
    assert [one.media_url for one in observations] == [site.url + path for path in paths]
    assert [one.rank for one in observations] == list(range(12))
    assert [asked.query["start"] for asked in site.asked] == ["0", "5", "10", "12"]
    assert {asked.path for asked in site.asked} == {EMOJI}


def test_a_page_has_the_same_ranks_after_a_resume(site: sogou_replica.Replica) -> None:
    for _ in range(7):
        site.add("cat")
    pages = list(listing_walk.walk(SOURCE, _options(site), "cat", {"start": 5}))
    assert [one.rank for page in pages for one in page.observations] == [5, 6]


def test_packs_beside_the_stickers_are_listed_once(site: sogou_replica.Replica) -> None:
    sticker = site.add("cat")
    first, second = site.add_pack("cat", "懒猫", 2)
    site.packs["cat"][0].append({"picUrl": site.url + sticker, "groupId": 1, "groupName": "x"})
    site.packs["cat"] += [None, 3, [None, {"picUrl": 3}]]
    observations = found(SOURCE, _options(site), "cat")
    assert [one.media_url for one in observations] == [
        site.url + path for path in (sticker, first, second)
    ]
    pack = observations[2]
    assert (pack.pack_id, pack.pack_title, pack.pack_index) == ("3", "懒猫", 1)
    assert (pack.rank, pack.licence_basis) == (None, "none")


def test_the_same_picture_on_another_of_their_hosts_is_the_same() -> None:
    def id_of(url: str) -> str:
        data = {"data": {"emotions": [{"thumbSrc": url}]}}
        page = reads_or_explains(SOURCE, SogouOptions(), {}, data)
        assert page is not None
        return page.observations[0].source_id

    assert id_of("https://img01.sogoucdn.com/app/a/1?n=2") == id_of(
        "http://img04.sogoucdn.com/app/a/1?n=2"
    )
    assert id_of("https://a.example/app/a/1") != id_of("https://b.example/app/a/1")


def test_pictures_are_listed_page_by_page(site: sogou_replica.Replica) -> None:
    path = site.add_picture("cat", "a <em>cat</em> &amp; a dog")
    for number in range(6):
        site.add_picture("cat", f"cat {number}")
    copies = found(SOURCE, _options(site, search="images"), "cat")
    originals = found(SOURCE, _options(site, search="images", original=True), "cat")
    assert [one.rank for one in copies] == list(range(7))
    assert copies[0].title == "a cat & a dog"
    assert copies[0].page_url == f"{site.url}/page{path}"
    assert copies[0].media_url == site.url + path
    assert originals[0].media_url == f"{site.url}/original{path}"
    assert [one.source_id for one in copies] == [one.source_id for one in originals]


@pytest.mark.parametrize("search", SEARCHES)
def test_nothing_found_is_an_empty_page(site: sogou_replica.Replica, search: Any) -> None:
    assert found(SOURCE, _options(site, search=search), "nothing") == []
    name = "items" if search == "images" else "emotions"
    page = reads_or_explains(SOURCE, SogouOptions(search=search), {}, {"data": {name: None}})
    assert page is not None
    assert (list(page.observations), page.next) == ([], None)


def test_a_captcha_stops_the_source(site: sogou_replica.Replica) -> None:
    site.asks_captcha = True
    with pytest.raises(RefusedError, match="captcha"):
        found(SOURCE, _options(site), "cat")


def test_being_sent_to_the_captcha_stops_the_source() -> None:
    elsewhere = Answer(200, "https://www.sogou.com/antispider/?from=x", {}, b"<html>")
    with pytest.raises(RefusedError, match="captcha"):
        read(SogouOptions(), "cat", {}, elsewhere)


@pytest.mark.parametrize(
    "said",
    [
        {},
        [],
        {"data": []},
        {"data": {}},
        {"data": {"emotions": {}}},
        b"<html>404",
        b"",
        b"[" * 9999,
    ],
)
def test_another_format_is_told_in_one_line(site: sogou_replica.Replica, said: Any) -> None:
    site.answers[EMOJI] = body(said) if isinstance(said, bytes) else json_body(said)
    with pytest.raises(StickerworksError, match="isn't what Sogou answers") as caught:
        found(SOURCE, _options(site), "cat")
    assert not isinstance(caught.value, RefusedError)


def test_entries_without_sense_cost_only_themselves(site: sogou_replica.Replica) -> None:
    site.page = 100
    site.emotions["cat"] = [*NO_ENTRIES, {"thumbSrc": 3}, {"thumbSrc": "https://["}, BROKEN]
    site.add("cat")
    first = next(iter(listing_walk.walk(SOURCE, _options(site), "cat")))
    assert first.senseless == len(NO_ENTRIES) + 3
    assert [one.rank for one in first.observations] == [len(NO_ENTRIES) + 3]


@pytest.mark.parametrize("title", HOSTILE_TITLES, ids=range(len(HOSTILE_TITLES)))
def test_hostile_titles_fit_the_tables(title: str) -> None:
    entry = {"thumbUrl": "http://127.0.0.1/a", "title": title}
    said = {"data": {"items": [entry]}}
    page = reads_or_explains(SOURCE, SogouOptions(search="images"), {}, said)
    assert page is not None
    (columns,) = listing_walk.listed(page)
    assert len(columns["title"] or "") <= 2000
    assert not set(columns["title"] or "") & set("\x00\x1b\u202e\ud800\n")


@settings(max_examples=60)
@given(
    st.sampled_from(SEARCHES),
    st.sampled_from([{}, {"start": 5}]),
    JSON
    | st.fixed_dictionaries({"data": JSON})
    | st.fixed_dictionaries(
        {
            "data": st.fixed_dictionaries(
                {
                    "emotions": listing_walk.entries("thumbSrc", "idx"),
                    "groupList": st.lists(listing_walk.entries("picUrl", "groupId", "groupName")),
                    "items": listing_walk.entries("picUrl", "thumbUrl", "title", "pageUrl"),
                }
            )
        }
    ),
)
def test_whatever_comes_is_read_or_explained(search: Any, cursor: Any, said: Any) -> None:
    reads_or_explains(SOURCE, SogouOptions(search=search), cursor, said)


def test_what_is_asked_holds_the_query_whole() -> None:
    asked = ask(SogouOptions(), "a&b=c#d 猫\ud800", {"start": 48})
    sent = parse_qs(urlsplit(asked.url).query)
    assert sent["keyword"] == ["a&b=c#d 猫?"]
    assert (sent["start"], asked.api, asked.shared) == (["48"], False, False)


def test_answers_are_of_no_use_without_a_shape() -> None:
    with pytest.raises(StickerworksError):
        read(SogouOptions(), "cat", {}, answer(b"\xff\xfe"))


def test_queries_are_crawled_to_their_ends(
    site: sogou_replica.Replica,
    workspace: Workspace,
    crawl_source: Callable[..., CrawlSummary],
) -> None:
    site.robots = body(b"User-agent: *\nDisallow: /original/\n", "text/plain")
    both = site.add("猫")
    site.emotions["狗 dog"] = list(site.emotions["猫"])
    cats = [both, *(site.add("猫") for _ in range(11)), *site.add_pack("猫", "懒猫", 2)]
    dogs = [both, *(site.add("狗 dog") for _ in range(6))]
    # The server may heed no page numbers: what repeats is asked for once.
    birds = [site.add("鸟") for _ in range(8)][: site.page]
    site.unpaged.add("鸟")
    summary = crawl_source("sogou", site, ["猫", "狗 dog", "鸟"], {"api": site.url})
    assert (summary.stickers, summary.unfetched) == (25, {})
    rows = workspace.read("observations").to_pylist()
    for query, paths in (("猫", cats), ("狗 dog", dogs), ("鸟", birds)):
        seen = [row["media_url"] for row in rows if row["query"] == query]
        assert sorted(seen) == sorted(site.url + path for path in paths)
    assert {row["pack_title"] for row in rows} == {None, "懒猫"}
    assert {row["redistribute"] for row in rows} == {False}
    asked = [one.path for one in site.asked]
    assert sorted(path for path in asked if path in site.files) == sorted({*cats, *dogs, *birds})
    assert [one.query.get("keyword") for one in site.asked].count("鸟") == 2
