from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import baidu_replica
import listing_walk
import pytest
from baidu_replica import encode_address
from damaged_json import JSON
from hypothesis import assume, given
from hypothesis import strategies as st
from listing_walk import NO_ENTRIES, answer, found, reads_or_explains
from loopback_site import body, json_body
from search_site import HOSTILE_TITLES

from crawlers.crawl import CrawlSummary
from crawlers.source import Page, RefusedError
from crawlers.sources.baidu import SOURCE, BaiduOptions, read
from crawlers.sources.baidu_addresses import PUNCTUATION, decode_address
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

SEARCH = "/search/acjson"


@pytest.fixture
def site() -> Iterator[baidu_replica.Replica]:
    with baidu_replica.serving(baidu_replica.Replica()) as replica:
        yield replica


def _options(site: baidu_replica.Replica, **given: Any) -> BaiduOptions:
    return BaiduOptions(api=site.url, **given)


def test_pictures_are_listed_page_by_page(site: baidu_replica.Replica) -> None:
    paths = [site.add("猫 & 狗") for _ in range(65)]
    pages = list(listing_walk.walk(SOURCE, _options(site), "猫 & 狗"))
    observations = [one for page in pages for one in page.observations]
    assert [one.media_url for one in observations] == [site.url + path for path in paths]
    assert [one.rank for one in observations] == list(range(65))
    assert [asked.query["pn"] for asked in site.asked] == ["0", "30", "60"]
    assert {asked.query["lm"] for asked in site.asked} == {"6"}
    assert [(page.total, page.senseless) for page in pages] == [(65, 0)] * 3


def test_a_picture_becomes_an_observation(site: baidu_replica.Replica) -> None:
    site.add("cat", "it's a\tcat")
    (copy,) = found(SOURCE, _options(site), "cat")
    (original,) = found(SOURCE, _options(site, original=True), "cat")
    assert copy.source_id == original.source_id == "0,7"
    assert original.media_url == f"{site.url}/original/0.gif"
    assert copy.page_url == f"{site.url}/page/0.html"
    (columns,) = listing_walk.listed(Page([copy]))
    assert columns["title"] == "it's a cat"
    assert (copy.licence, copy.licence_basis) == (None, "none")


def test_a_title_in_markup_is_taken_where_there_is_no_other(site: baidu_replica.Replica) -> None:
    site.add("cat", "a 'cat' &amp; a dog")
    del site.pictures["cat"][0]["fromPageTitleEnc"]
    del site.pictures["cat"][0]["replaceUrl"]
    (observation,) = found(SOURCE, _options(site), "cat")
    assert observation.title == "a 'cat' & a dog"
    assert observation.page_url == f"{site.url}/page/0.html"


@pytest.mark.parametrize(
    ("list_num", "pages"), [(None, 3), (31, 2), (10, 1), ("junk", 4), (10**9, 4), (0, 4)]
)
def test_listing_ends_where_there_is_no_more(
    site: baidu_replica.Replica, list_num: Any, pages: int
) -> None:
    for _ in range(65):
        site.add("cat")
    site.list_num = list_num
    assert len(list(listing_walk.walk(SOURCE, _options(site), "cat"))) == pages


def test_nothing_beyond_a_thousand_is_asked() -> None:
    said = {"listNum": 5000, "data": [{"thumbURL": "http://a.example/1", "cs": "1"}, {}]}
    nexts = [
        reads_or_explains(SOURCE, BaiduOptions(), {"pn": start}, said) for start in (930, 960, 990)
    ]
    assert [page.next if page else 0 for page in nexts] == [{"pn": 960}, {"pn": 990}, None]


@pytest.mark.parametrize("data", [[], [{}], None])
def test_nothing_found_is_an_empty_page(data: Any) -> None:
    page = reads_or_explains(SOURCE, BaiduOptions(), {}, {"listNum": 0, "data": data})
    assert page is not None
    assert (list(page.observations), page.next, page.senseless) == ([], None, 0)


def test_what_it_is_asked_of_a_type(site: baidu_replica.Replica) -> None:
    for kind in ("gif", "static", "all"):
        found(SOURCE, _options(site, type=kind), "cat")
    assert [asked.query["lm"] for asked in site.asked] == ["6", "7", "-1"]


def test_antiflag_stops_the_source(site: baidu_replica.Replica) -> None:
    site.refuses = True
    with pytest.raises(RefusedError, match="Forbid spider access"):
        found(SOURCE, _options(site), "cat")


def test_a_captcha_stops_the_source(site: baidu_replica.Replica) -> None:
    site.asks_captcha = True
    with pytest.raises(RefusedError, match="captcha"):
        found(SOURCE, _options(site), "cat")


def test_a_title_that_names_the_captcha_is_no_captcha(site: baidu_replica.Replica) -> None:
    site.add("cat", "安全验证 wappass")
    assert len(found(SOURCE, _options(site), "cat")) == 1


@pytest.mark.parametrize(
    "said", [{}, [], {"data": {}}, {"data": 3}, b"<html>404", b"", b"[" * 9999]
)
def test_another_format_is_told_in_one_line(site: baidu_replica.Replica, said: Any) -> None:
    site.answers[SEARCH] = body(said) if isinstance(said, bytes) else json_body(said)
    with pytest.raises(StickerworksError, match="isn't what Baidu answers") as caught:
        found(SOURCE, _options(site), "cat")
    assert not isinstance(caught.value, RefusedError)


def test_entries_without_sense_cost_only_themselves(site: baidu_replica.Replica) -> None:
    site.pictures["cat"] = [*NO_ENTRIES, {"thumbURL": 3}, {"replaceUrl": [3]}]
    site.add("cat")
    (page,) = listing_walk.walk(SOURCE, _options(site), "cat")
    assert page.senseless == len(NO_ENTRIES) + 2
    assert [one.rank for one in page.observations] == [len(NO_ENTRIES) + 2]


@pytest.mark.parametrize("written", ["\\'", "\\x41", "\\\\", "\\\\\\'", "\t\x01", "\\u732b", '\\"'])
def test_broken_escapes_are_read(written: str) -> None:
    said = '{"data": [{"cs": "1", "thumbURL": "http://a.example/1", "fromPageTitleEnc": "%s"}, {}]}'
    page = reads_or_explains(SOURCE, BaiduOptions(), {}, (said % f"a{written}b").encode())
    assert page is not None
    title = page.observations[0].title or ""
    assert title[0] + title[-1] == "ab"
    assert title[1:-1].strip() in ("'", "x41", "\\", "\\'", "", "猫", '"')


@pytest.mark.parametrize("title", HOSTILE_TITLES, ids=range(len(HOSTILE_TITLES)))
def test_hostile_titles_fit_the_tables(title: str) -> None:
    entry = {"thumbURL": "http://127.0.0.1/a", "fromPageTitleEnc": title, "cs": title}
    page = reads_or_explains(SOURCE, BaiduOptions(), {}, {"data": [entry]})
    assert page is not None
    (columns,) = listing_walk.listed(page)
    assert len(columns["title"] or "") <= 2000
    assert not set(columns["title"] or "") & set("\x00\x1b\u202e\ud800\n")


@given(
    st.sampled_from([{}, {"pn": 30}]),
    JSON
    | st.fixed_dictionaries(
        {
            "data": JSON
            | listing_walk.entries(
                "thumbURL", "middleURL", "objURL", "replaceUrl", "cs", "fromPageTitle", "fromURL"
            )
        },
        optional={"listNum": JSON, "antiFlag": JSON},
    ),
)
def test_whatever_comes_is_read_or_explained(cursor: Any, said: Any) -> None:
    reads_or_explains(SOURCE, BaiduOptions(original=bool(cursor)), cursor, said)


@given(st.binary(max_size=60))
def test_whatever_bytes_come_are_read_or_explained(said: bytes) -> None:
    reads_or_explains(SOURCE, BaiduOptions(), {}, said)


@given(JSON)
def test_repairing_changes_no_valid_answer(value: Any) -> None:
    # Escaped, so that JSON's own rules and Baidu's agree on what it means.
    entry = {"thumbURL": "http://a.example/1", "cs": "1", "x": value}
    page = read(BaiduOptions(), "cat", {}, answer({"data": [entry]}))
    assert json.dumps(page.observations[0].raw) == json.dumps(entry)


@given(st.text(st.characters(codec="ascii")))
def test_the_cipher_goes_there_and_back(address: str) -> None:
    written = encode_address(address)
    # An address could hold what stands for punctuation; such a one can't be written at all.
    unmarked = written
    for mark in PUNCTUATION:
        unmarked = unmarked.replace(mark, "")
    assume(not any(mark in unmarked for mark in PUNCTUATION))
    if any(sign in address for sign in ":./"):
        assert decode_address(written) == address


def test_the_cipher_is_baidus_own() -> None:
    # As it stands in a public answer, beside the host in plain.
    written = "ippr_z2C$qAzdH3FAzdH3Fooo_z&e3B99ln_z&e3Bv54"
    assert decode_address(written) == "http://www.4493.com"
    letters = "_z&e3B0123456789abcdefghijklmnopqrstuvwxyzABC"
    assert decode_address(letters) == ".7dgjmoru140852vsnkheb963wtqplifcaxyzABC"


def test_an_address_in_plain_stays_as_it_is() -> None:
    assert decode_address("https-less text 0123") == "https-less text 0123"
    assert decode_address("https://a.example/0") == "https://a.example/0"


def test_two_queries_are_crawled_to_their_ends(
    site: baidu_replica.Replica,
    workspace: Workspace,
    crawl_source: Callable[..., CrawlSummary],
) -> None:
    cats = [site.add("猫", "it's a\tcat") for _ in range(35)]
    dogs = [site.add("狗 dog") for _ in range(32)]
    summary = crawl_source("baidu", site, ["猫", "狗 dog"], {"api": site.url})
    assert (summary.stickers, summary.unfetched) == (67, {})
    rows = workspace.read("observations").to_pylist()
    for query, paths in (("猫", cats), ("狗 dog", dogs)):
        ours = sorted((row["rank"], row["media_url"]) for row in rows if row["query"] == query)
        assert ours == [(rank, site.url + path) for rank, path in enumerate(paths)]
    assert {row["title"] for row in rows} == {"it's a cat", "猫"}
    assert {row["redistribute"] for row in rows} == {False}
