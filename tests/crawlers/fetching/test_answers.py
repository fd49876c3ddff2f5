"""Requests for listings end to end: each is counted, and none carries a key to others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from giphy_replica import GiphyReplica
from loopback_site import in_turn, serving, status

from crawlers.crawl import CrawlSummary
from pipeline.engine.errors import StickerworksError

SECRET = "pl4nted-s3cret-k3y"
SEARCH = "/v1/stickers/search"


@pytest.fixture
def giphy(monkeypatch: pytest.MonkeyPatch) -> Iterator[GiphyReplica]:
    monkeypatch.setenv("STICKERWORKS_GIPHY_KEY", SECRET)
    with serving(GiphyReplica(key=SECRET)) as site:
        yield site


@pytest.fixture
def other_site() -> Iterator[GiphyReplica]:
    with serving(GiphyReplica(key=SECRET)) as site:
        yield site


def test_retries_and_redirects_count_against_the_days_budget(
    giphy: GiphyReplica, crawl_source: Callable[..., CrawlSummary]
) -> None:
    around = status(302, Location=f"{giphy.url}{SEARCH}?q=cat&offset=0")
    giphy.answers[SEARCH] = in_turn(status(503, Retry_After="0"), around)
    said: list[str] = []
    summary = crawl_source(
        "giphy", giphy, ["cat"], {"api": giphy.url}, {"per_day": 3}, said.append, attempts=3
    )
    assert (summary.failed, [one.path for one in giphy.asked]) == ({}, [SEARCH] * 3)
    assert any("the 3 requests of today" in text for text in said)


def test_no_redirect_takes_the_key_of_a_source_along(
    giphy: GiphyReplica, other_site: GiphyReplica, crawl_source: Callable[..., CrawlSummary]
) -> None:
    giphy.answers[SEARCH] = status(302, Location=f"{other_site.url}{SEARCH}?api_key={SECRET}")
    hosts = [giphy.host, other_site.host]
    with pytest.raises(StickerworksError, match="leads to another host") as caught:
        crawl_source("giphy", giphy, ["cat"], {"api": giphy.url}, allow_hosts=hosts)
    assert str(caught.value).startswith(f"The listing at {giphy.url} leads")
    assert SECRET not in f"{caught.value} {caught.value.remedy}"
    assert other_site.requests == []
