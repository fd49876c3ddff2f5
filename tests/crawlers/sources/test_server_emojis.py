from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import listing_walk
import pytest
import server_emojis_replica
from damaged_json import JSON
from hypothesis import given
from hypothesis import strategies as st
from listing_walk import NO_ENTRIES, answer, found, reads_or_explains
from loopback_site import body, json_body
from pydantic import ValidationError
from search_site import HOSTILE_TITLES

from crawlers.crawl import CrawlSummary
from crawlers.sources.server_emojis import SOURCE, ServerEmojisOptions, ask, read
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

SOFTWARE: Any = ["mastodon", "misskey"]
SERVER = "https://social.example"


@pytest.fixture
def site() -> Iterator[server_emojis_replica.Replica]:
    with server_emojis_replica.serving(server_emojis_replica.Replica()) as replica:
        yield replica


def _options(site: server_emojis_replica.Replica, software: Any = "mastodon") -> Any:
    return ServerEmojisOptions(server=site.url, software=software)


@pytest.mark.parametrize("software", SOFTWARE)
def test_without_a_query_all_emoji_are_listed(
    site: server_emojis_replica.Replica, software: Any
) -> None:
    paths = [site.add("blobcat", "Blobs"), site.add("party"), site.add("blobdog", "Blobs")]
    observations = found(SOURCE, _options(site, software), "")
    assert [one.media_url for one in observations] == [site.url + path for path in paths]
    assert [one.source_id for one in observations] == [
        f"{site.host}/{name}" for name in ("blobcat", "party", "blobdog")
    ]
    assert [(one.rank, one.pack_title, one.pack_index, one.title) for one in observations] == [
        (0, "Blobs", 0, "blobcat"),
        (1, site.host, 0, "party"),
        (2, "Blobs", 1, "blobdog"),
    ]
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("CAT", ["BlobCat", "pet"]),
        ("neko", ["BlobCat"]),
        ("貓", ["pet"]),
        ("nothing", []),
        ("blob", ["BlobCat", "dog"]),
    ],
)
def test_a_query_is_sought_in_shortcodes_aliases_and_categories(
    site: server_emojis_replica.Replica, query: str, names: list[str]
) -> None:
    site.add("dog", "BLOBS")
    site.add("BlobCat", aliases=("Neko", ""))
    site.add("pet", "cats 貓")
    observations = found(SOURCE, _options(site, "misskey"), query)
    assert sorted(one.title or "" for one in observations) == sorted(names)
    assert [one.rank for one in observations] == list(range(len(names)))
    if query == "neko":
        assert observations[0].tags == ("Neko",)


def test_one_request_serves_every_query() -> None:
    options = ServerEmojisOptions(server=f"{SERVER}/")
    first, second = ask(options, "cat", {}), ask(options, "dog", {})
    assert first == second
    assert first.shared
    assert first.url == f"{SERVER}/api/v1/custom_emojis"


def test_a_server_must_be_named() -> None:
    with pytest.raises(ValidationError):
        ServerEmojisOptions()  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        ServerEmojisOptions(server="social.example")


def test_the_wrong_software_is_told_in_one_line() -> None:
    for software, said in (("mastodon", {"emojis": []}), ("misskey", [])):
        with pytest.raises(StickerworksError, match="isn't what a M.* server answers"):
            read(ServerEmojisOptions(server=SERVER, software=software), "", {}, answer(said))


@pytest.mark.parametrize("said", [{}, None, 3, {"emojis": {}}, b"<html>404", b"", b"[" * 9999])
@pytest.mark.parametrize("software", SOFTWARE)
def test_another_format_is_told_in_one_line(
    site: server_emojis_replica.Replica, software: Any, said: Any
) -> None:
    given = body(said) if isinstance(said, bytes) else json_body(said)
    site.answers = {"/api/v1/custom_emojis": given, "/api/emojis": given}
    with pytest.raises(StickerworksError, match="may have changed its format"):
        found(SOURCE, _options(site, software), "cat")


def test_entries_without_sense_cost_only_themselves(site: server_emojis_replica.Replica) -> None:
    junk = {"shortcode": "x", "url": 3}, {"shortcode": 3, "url": "https://a.example/"}
    site.emojis = [*NO_ENTRIES, *junk]
    path = site.add("cat")
    site.add("cat")
    (page,) = listing_walk.walk(SOURCE, _options(site), "cat")
    assert page.senseless == len(NO_ENTRIES) + len(junk) + 1
    (one,) = page.observations
    assert (one.title, one.rank, one.media_url) == ("cat", 0, site.url + path)


@pytest.mark.parametrize("title", HOSTILE_TITLES, ids=range(len(HOSTILE_TITLES)))
def test_hostile_names_fit_the_tables(title: str) -> None:
    entry = {"name": title, "url": "http://127.0.0.1/a", "category": title, "aliases": [title, 3]}
    options = ServerEmojisOptions(server=SERVER, software="misskey")
    page = reads_or_explains(SOURCE, options, {}, {"emojis": [entry | {"name": f"cat {title}"}]})
    assert page is not None
    (columns,) = listing_walk.listed(page)
    assert len(columns["title"]) <= 2000
    assert not set(columns["title"] + columns["pack_title"]) & set("\x00\x1b\u202e\ud800\n")


ENTRIES = listing_walk.entries("shortcode", "name", "url", "category", "aliases")


@given(
    st.sampled_from(SOFTWARE),
    JSON | ENTRIES | st.fixed_dictionaries({"emojis": JSON | ENTRIES}),
)
def test_whatever_comes_is_read_or_explained(software: Any, said: Any) -> None:
    reads_or_explains(SOURCE, ServerEmojisOptions(server=SERVER, software=software), {}, said)


def test_queries_are_crawled_with_one_request_for_the_list(
    site: server_emojis_replica.Replica,
    workspace: Workspace,
    crawl_source: Callable[..., CrawlSummary],
) -> None:
    for name in ("blobcat", "blobdog", "cat", "other"):
        site.add(name, "Blobs" if "blob" in name else None)
    summary = crawl_source("server_emojis", site, ["CAT", "blobs"], {"server": site.url})
    assert (summary.stickers, summary.unfetched) == (3, {})
    rows = workspace.read("observations").to_pylist()
    assert sorted((row["query"], row["rank"], row["title"]) for row in rows) == [
        ("CAT", 0, "blobcat"),
        ("CAT", 1, "cat"),
        ("blobs", 0, "blobcat"),
        ("blobs", 1, "blobdog"),
    ]
    assert {row["redistribute"] for row in rows} == {False}
    assert site.requests.count("/api/v1/custom_emojis") == 1
