"""Sources of another package: what they get wrong is told to whoever wrote them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback_site import gif

from crawlers.crawl import CrawlSummary, crawl
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig

SOURCES = """
import time
from pathlib import Path
from stickerworks.plugins import (
    Ask, Listing, LocalFile, Observation, Options, Page, Source
)

class Url(Options):
    url: str = ""

def source(name, **how):
    return Source(name=name, title="t", options=Url, redistribute=True, terms="", **how)

def lists(*files):
    return lambda options: (LocalFile(Observation(name), Path(name)) for name in files)

def mixed(options):
    yield LocalFile(Observation("a.gif"), Path("a.gif"))
    yield Observation("web.gif", options.url + "web.gif", query="cat")
    yield LocalFile(Observation("b.gif"), Path("there/b.gif"))
    yield Observation("web.gif", options.url + "web.gif", query="cat")

def breaks(options):
    yield from lists("a.gif")(options)
    raise KeyError("next page")

def breaks_on_the_web(options):
    yield Observation("web.gif", options.url + "web.gif")
    raise KeyError("next page")

def wrong(options):
    yield Observation("a.gif", title=5)

def ranked(options):
    yield Observation("a.gif", rank="3")

def slow(options):
    for number in range(3):
        time.sleep(0.2)
        yield Observation(f"{number}.gif", options.url + f"{number}.gif")

relative = source("relative", observations=lists("a.gif", "there/b.gif"))
twice = source("twice", observations=lists("a.gif", "there/b.gif", "a.gif"))
mixed = source("mixed", observations=mixed)
breaks = source("breaks", observations=breaks)
later = source("later", observations=breaks_on_the_web)
wrong = source("wrong", observations=wrong)
ranked = source("ranked", observations=ranked)
slow = source("slow", observations=slow)
def ask(options, query, cursor):
    if query == "unasked":
        raise KeyError("no page")
    return Ask(options.url + "page.json")

def read(options, query, cursor, answer):
    if query == "unread":
        return Page([Observation(answer.headers["next-page"])])
    if query == "dicts":
        return Page([{"source_id": "a"}])
    return Page([Observation(name, options.url + name) for name in ("a.gif", "b.gif")])

listing = source("listing", listing=Listing(ask, read))
dicts = source("dicts", observations=lambda options: [{"source_id": "a"}])
eager = source("eager", observations=lambda options: options.nothing)
"""
NAMES = (
    "relative", "twice", "listing", "mixed", "breaks", "later", "wrong", "dicts", "eager",
    "ranked", "slow",
)  # fmt: skip


@pytest.fixture
def crawl_strangers(
    tmp_path: Path,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    stranger: Callable[..., None],
) -> Callable[..., CrawlSummary]:
    """Crawls a source of an installed package that isn't ours, from the folder of the test."""
    stranger("sources", SOURCES, {name: name for name in NAMES})
    monkeypatch.chdir(tmp_path)

    def run(name: str, limit: int | None = None, **settings: Any) -> CrawlSummary:
        options, said = settings.pop("options", {}), settings.pop("said", [])
        queries = tuple(settings.pop("queries", ()))
        source = SourceConfig(source=name, limit=limit, options=options, queries=queries)
        return crawl(workspace, CrawlConfig(sources=[source], **settings), said.append)

    return run


@pytest.fixture
def two_files(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for number, name in enumerate(("a.gif", "there/b.gif")):
        (tmp_path / name).write_bytes(gif(number))


@pytest.mark.usefixtures("two_files")
def test_relative_paths_are_kept_as_absolute_ones(
    tmp_path: Path, workspace: Workspace, crawl_strangers: Callable[..., CrawlSummary]
) -> None:
    assert crawl_strangers("relative").stickers == 2
    paths = workspace.read("media")["path"].to_pylist()
    assert paths == [str(tmp_path / "a.gif"), str(tmp_path / "there" / "b.gif")]


@pytest.mark.usefixtures("two_files")
def test_a_source_that_lists_an_observation_twice_is_told_so(
    crawl_strangers: Callable[..., CrawlSummary],
) -> None:
    with pytest.raises(StickerworksError, match="of strange 1.0 lists 'a.gif' twice under ''"):
        crawl_strangers("twice")


@pytest.mark.timeout(120)
def test_a_listing_of_a_stranger_is_crawled_and_its_faults_are_its_own(
    site: Any, bqb: Any, crawl_strangers: Callable[..., CrawlSummary]
) -> None:
    for name in ("a.gif", "b.gif", "page.json"):
        site.add("A", name)
    url = f"http://{site.host}{bqb.ROOT}/A/"
    web: dict[str, Any] = {"allow_hosts": [site.host], "options": {"url": url}}
    assert crawl_strangers("listing", limit=2, queries=["cat"], **web).stickers == 2
    faults = {
        "unasked": r"could not be understood: KeyError: 'no page'.*strange 1\.0",
        "unread": r"could not be understood: KeyError: 'next-page'.*strange 1\.0",
        "dicts": r"'listing' of strange 1.0 yields a dict, which is no observation",
    }
    for query, told in faults.items():
        with pytest.raises(StickerworksError, match=told):
            crawl_strangers("listing", queries=[query], **web)
    with pytest.raises(StickerworksError, match="lists nothing without queries"):
        crawl_strangers("listing", **web)


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("two_files")
def test_a_source_may_yield_files_and_addresses_alike(
    site: Any, bqb: Any, workspace: Workspace, crawl_strangers: Callable[..., CrawlSummary]
) -> None:
    site.add("A", "web.gif", gif(7))
    web = {"allow_hosts": [site.host], "options": {"url": f"http://{site.host}{bqb.ROOT}/A/"}}
    said: list[str] = []
    assert crawl_strangers("mixed", **web, said=said).stickers == 3
    assert "mixed: 1 items are listed twice; the first counts" in said
    rows = workspace.read("observations").to_pylist()
    assert [(row["source_id"], row["query"]) for row in rows] == [
        ("a.gif", None), ("web.gif", "cat"), ("b.gif", None),
    ]  # fmt: skip
    paths = [Path(path) for path in workspace.read("media")["path"].to_pylist()]
    assert [path.is_absolute() for path in paths] == [True, False, True]
    # A second crawl fetches nothing anew, and a file that is gone is told.
    Path("there/b.gif").unlink()
    crawl_strangers("mixed", **web)
    assert site.media_requests() == ["A/web.gif"]
    gone = workspace.read("unfetched").to_pylist()
    assert [(row["source_id"], row["state"]) for row in gone] == [("b.gif", "failed")]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("breaks", "failed as it listed its items: KeyError: 'next page'"),
        ("later", "failed as it listed its items: KeyError: 'next page'"),
        ("wrong", "failed as it listed its items: TypeError: title is a int, not a text"),
        ("ranked", "failed as it listed its items: TypeError: rank is a str"),
        ("dicts", "yields a dict, which is no observation"),
        ("eager", "failed as it listed its items: AttributeError: 'Url' object has no attribute"),
    ],
)
@pytest.mark.usefixtures("two_files")
def test_what_goes_wrong_in_a_source_is_told_as_its_fault(
    name: str, told: str, crawl_strangers: Callable[..., CrawlSummary]
) -> None:
    with pytest.raises(StickerworksError) as caught:
        crawl_strangers(name, options={"url": "http://127.0.0.1:9/"})
    assert f"The source {name!r} of strange 1.0 {told}" in str(caught.value)


@pytest.mark.timeout(120)
def test_a_listing_that_can_not_be_had_ends_the_crawl_whoever_asked_for_it(
    site: Any, bqb: Any, crawl_strangers: Callable[..., CrawlSummary]
) -> None:
    url = f"http://{site.host}{bqb.ROOT}/no-such-"
    web: dict[str, Any] = {"allow_hosts": [site.host], "options": {"url": url}}
    with pytest.raises(StickerworksError, match="no-such-page.json answered 404"):
        crawl_strangers("listing", queries=["cat"], **web)


@pytest.mark.timeout(120)
def test_a_slow_list_is_waited_for(
    site: Any, bqb: Any, crawl_strangers: Callable[..., CrawlSummary]
) -> None:
    for number in range(3):
        site.add("A", f"{number}.gif")
    hosts, url = [site.host], f"http://{site.host}{bqb.ROOT}/A/"
    assert crawl_strangers("slow", allow_hosts=hosts, options={"url": url}).stickers == 3
