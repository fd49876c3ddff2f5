"""Crawls of searchable sources' replicas from end to end, through real child processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from commons_replica import CommonsReplica
from giphy_replica import GiphyReplica
from klipy_replica import KlipyReplica
from loopback_site import serving
from openverse_replica import OpenverseReplica
from search_site import HOSTILE_TITLES, SearchSite

from crawlers.crawl import CrawlSummary
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

Crawl = Callable[..., CrawlSummary]


@dataclass(frozen=True)
class Searched:
    """A source, its replica, and what a row of it must say."""

    source: str
    replica: type[SearchSite]
    api: str = ""
    licence: str | None = None
    redistribute: bool = False


SEARCHED = [
    Searched("giphy", GiphyReplica),
    Searched("klipy", KlipyReplica),
    Searched("openverse", OpenverseReplica, "", "CC BY-SA 4.0", True),
    Searched("commons", CommonsReplica, "/w/api.php", "CC BY-SA 4.0", True),
]


@contextmanager
def running(searched: Searched, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The source's replica, its key in the environment."""
    with serving(searched.replica()) as replica:
        if hasattr(replica, "key"):
            monkeypatch.setenv(f"STICKERWORKS_{searched.source.upper()}_KEY", replica.key)
        yield replica


@pytest.mark.parametrize("searched", SEARCHED, ids=lambda one: one.source)
def test_two_queries_are_crawled_over_all_their_pages(
    searched: Searched,
    monkeypatch: pytest.MonkeyPatch,
    workspace: Workspace,
    crawl_source: Crawl,
) -> None:
    queries = ["cat & dog", "开心"]
    told: list[str] = []
    with running(searched, monkeypatch) as replica:
        for title in HOSTILE_TITLES[:4]:
            replica.add(queries[0], title=title)
        for _ in range(2):
            replica.add(*queries)
        for _ in range(3):
            replica.add(queries[1])
        replica.list_entry(queries[1], {"id": None})
        options = {"api": replica.url + searched.api}
        summary = crawl_source(searched.source, replica, queries, options, report=told.append)
        assert (summary.stickers, summary.observations, summary.unfetched) == (9, 11, {})
        assert sorted(replica.media_requests()) == sorted(replica.files)
        assert any("1 entries of its listings make no sense" in text for text in told)
    rows = workspace.read("observations").to_pylist()
    ranks = {query: [row["rank"] for row in rows if row["query"] == query] for query in queries}
    assert {query: sorted(found) for query, found in ranks.items()} == {
        queries[0]: list(range(6)),
        queries[1]: list(range(5)),
    }
    assert {row["licence"] for row in rows} == {searched.licence}
    assert {row["licence_basis"] for row in rows} == {"item" if searched.licence else "none"}
    assert {row["redistribute"] for row in rows} == {searched.redistribute}
    assert sum(row["title"].startswith("Happy cat 1") for row in rows) >= 7
    if hasattr(replica, "key"):
        _assert_nowhere(replica.key, told, workspace)


def test_a_key_that_is_wrong_stops_the_source_with_one_line(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, crawl_source: Crawl
) -> None:
    told: list[str] = []
    with running(SEARCHED[1], monkeypatch) as replica:
        replica.key, key = "another", replica.key
        with pytest.raises(StickerworksError, match="refuses") as caught:
            crawl_source("klipy", replica, ["a", "b"], {"api": replica.url}, report=told.append)
        assert len(replica.requests) == 1, "no query is tried after a refusal"
    assert "STICKERWORKS_KLIPY_KEY" in caught.value.remedy
    assert "\n" not in str(caught.value)
    _assert_nowhere(key, [*told, str(caught.value)], workspace)


def _assert_nowhere(key: str, told: list[str], workspace: Workspace) -> None:
    """The key stands in no line and in no file, however it is written."""
    kept = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert kept
    for form in {key, quote(key, safe=""), quote_plus(key)}:
        assert not [text for text in told if form in text]
        assert not [path for path in kept if form.encode() in path.read_bytes()]
