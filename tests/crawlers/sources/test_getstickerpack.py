from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import getstickerpack_replica
import listing_walk
import pytest
from damaged_json import JSON
from getstickerpack_replica import Replica
from hypothesis import given
from hypothesis import strategies as st
from listing_walk import NO_ENTRIES, found, reads_or_explains
from loopback_site import body, json_body
from search_site import HOSTILE_TITLES

from crawlers.crawl import CrawlSummary
from crawlers.sources.getstickerpack import SOURCE, GetStickerPackOptions, ask
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

SEARCH = "/api/v1/stickerdb/search"
PACK = "/api/v1/stickerdb/stickers/cats"
MEDIA = "https://s3.getstickerpack.com"


@pytest.fixture
def site() -> Iterator[Replica]:
    with getstickerpack_replica.serving(Replica()) as replica:
        yield replica


def _options(site: Replica) -> GetStickerPackOptions:
    return GetStickerPackOptions(api=site.url, media=site.url)


def test_packs_are_listed_page_by_page_and_stickers_within(site: Replica) -> None:
    paths = [path for number in range(5) for path in site.add(f"cats-{number}", 3, "猫 cat")]
    site.add("dogs", 1, "dog")
    observations = found(SOURCE, _options(site), "猫 cat")
    assert [one.media_url for one in observations] == [site.url + path for path in paths]
    assert [one.rank for one in observations] == [number for number in range(5) for _ in range(3)]
    assert [one.pack_index for one in observations] == [0, 1, 2] * 5
    assert [asked.json()["page"] for asked in site.asked if asked.path == SEARCH] == [1, 2, 3]


def test_a_sticker_becomes_an_observation(site: Replica) -> None:
    site.add("01-panda-bear", 2, "cat", title="Panda Bear")
    one = found(SOURCE, _options(site), "cat")[1]
    assert one.source_id == "01-panda-bear/2"
    assert (one.pack_id, one.pack_title) == ("01-panda-bear", "Panda Bear")
    assert (one.author, one.title, one.licence_basis) == ("Ana", None, "none")
    assert one.page_url == f"{site.url}/stickers/01-panda-bear"


@pytest.mark.parametrize("user", [None, 3, [], {}, {"name": 3}])
def test_an_author_may_be_missing(site: Replica, user: Any) -> None:
    site.add("cats", 1, "cat")
    site.packs["cats"]["user"] = user
    assert [one.author for one in found(SOURCE, _options(site), "cat")] == [None]


def test_nothing_found_is_an_empty_page(site: Replica) -> None:
    assert found(SOURCE, _options(site), "nothing") == []
    assert len(site.requests) == 1


@pytest.mark.parametrize("meta", [None, {}, {"total_pages": "many"}, 3])
def test_without_a_number_of_pages_an_empty_page_is_the_last(meta: Any) -> None:
    said = {"data": [{"slug": "a"}], "meta": meta}
    page = reads_or_explains(SOURCE, GetStickerPackOptions(), {}, said)
    assert page is not None
    assert page.next == {"page": 2, "packs": 1}
    empty = reads_or_explains(SOURCE, GetStickerPackOptions(), page.next, said | {"data": []})
    assert empty is not None
    assert empty.next is None


@pytest.mark.parametrize(
    ("url", "fetched"),
    [
        ("storage/a b#1.png", f"{MEDIA}/storage/a%20b%231.png"),
        ("/storage/猫.png?1", f"{MEDIA}/storage/%E7%8C%AB.png?1"),
        ("https://elsewhere.example/a.png", "https://elsewhere.example/a.png"),
        ("storage/../../../a.png", f"{MEDIA}/a.png"),
        ("javascript:alert(1)", f"{MEDIA}/javascript%3Aalert%281%29"),
    ],
)
def test_where_a_sticker_lies(url: str, fetched: str) -> None:
    said = {"data": {"images": [{"url": url}]}}
    page = reads_or_explains(SOURCE, GetStickerPackOptions(), {"pack": "cats", "place": 2}, said)
    assert page is not None
    (one,) = page.observations
    assert (one.media_url, one.source_id, one.rank) == (fetched, "cats/1", 2)


@pytest.mark.parametrize(
    "said", [{}, [], {"data": {}}, {"data": 3}, b"<html>404", b"", b"[" * 9999]
)
@pytest.mark.parametrize("path", [SEARCH, PACK])
def test_another_format_is_told_in_one_line(site: Replica, path: str, said: Any) -> None:
    site.add("cats", 1, "cat")
    site.answers[path] = body(said) if isinstance(said, bytes) else json_body(said)
    with pytest.raises(StickerworksError, match="isn't what getstickerpack.com answers"):
        found(SOURCE, _options(site), "cat")


@pytest.mark.parametrize("slug", ["..", ".", "", " ", "a\x00", "\ud800", "a" * 301, 3, None])
def test_a_pack_without_a_usable_name_costs_only_itself(slug: Any) -> None:
    said = {"data": [{"slug": slug}, {"slug": "cats"}]}
    page = reads_or_explains(SOURCE, GetStickerPackOptions(), {}, said)
    assert page is not None
    assert (list(page.inner), page.senseless) == ([{"pack": "cats", "place": 1}], 1)


def test_a_name_can_not_reach_another_address() -> None:
    asked = ask(GetStickerPackOptions(), "cat", {"pack": "../../search?x=1#"})
    assert asked.url == (
        "https://getstickerpack.com/api/v1/stickerdb/stickers/..%2F..%2Fsearch%3Fx%3D1%23"
    )


def test_entries_without_sense_cost_only_themselves(site: Replica) -> None:
    site.add("cats", 2, "cat")
    site.extra_entries = list(NO_ENTRIES)
    double = site.packs["cats"]["images"][1]
    unwritable = {"url": "a\ud800.png", "sticker_index": 9}
    site.packs["cats"]["images"] += [*NO_ENTRIES, double, {"url": ""}, unwritable]
    packs, stickers = listing_walk.walk(SOURCE, _options(site), "cat")
    assert packs.senseless == len(NO_ENTRIES)
    assert stickers.senseless == len(NO_ENTRIES) + 3
    assert [one.source_id for one in stickers.observations] == ["cats/1", "cats/2"]


@pytest.mark.parametrize("title", HOSTILE_TITLES, ids=range(len(HOSTILE_TITLES)))
def test_hostile_titles_fit_the_tables(title: str) -> None:
    said = {"data": {"title": title, "user": {"name": title}, "images": [{"url": "a.png"}]}}
    page = reads_or_explains(SOURCE, GetStickerPackOptions(), {"pack": "cats", "place": 0}, said)
    assert page is not None
    (columns,) = listing_walk.listed(page)
    assert len(columns["pack_title"] or "") <= 2000
    texts = f"{columns['pack_title']}{columns['author']}"
    assert not set(texts) & set("\x00\x1b\u202e\ud800\n")


@given(
    st.sampled_from([{}, {"page": 2, "packs": 2}, {"pack": "a", "place": 1}]),
    JSON
    | st.fixed_dictionaries({"data": listing_walk.entries("slug", "title")})
    | st.fixed_dictionaries(
        {
            "data": st.fixed_dictionaries(
                {"images": listing_walk.entries("url", "sticker_index")},
                optional={"title": JSON, "user": JSON},
            )
        }
    ),
)
def test_whatever_comes_is_read_or_explained(cursor: Any, said: Any) -> None:
    reads_or_explains(SOURCE, GetStickerPackOptions(), cursor, said)


def test_two_queries_are_crawled_to_their_ends(
    site: Replica, workspace: Workspace, crawl_source: Callable[..., CrawlSummary]
) -> None:
    both = site.add("cats-and-dogs", 2, "猫", "dog")
    cats = [path for number in range(4) for path in site.add(f"cats-{number}", 3, "猫")]
    dogs = [path for number in range(3) for path in site.add(f"dogs-{number}", 1, "dog")]
    options = {"api": site.url, "media": site.url}
    summary = crawl_source("getstickerpack", site, ["猫", "dog"], options)
    assert (summary.stickers, summary.unfetched) == (17, {})
    rows = workspace.read("observations").to_pylist()
    for query, paths in (("猫", both + cats), ("dog", both + dogs)):
        ours = sorted(
            (row["rank"], row["pack_index"], row["media_url"])
            for row in rows
            if row["query"] == query
        )
        assert [url for *_, url in ours] == [site.url + path for path in paths]
    assert {row["redistribute"] for row in rows} == {False}
    assert {row["author"] for row in rows} == {"Ana"}
