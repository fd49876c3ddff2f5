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
from stickerworks.plugins import LocalFile, Observation, Options, Source

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
starting = source("starting", spider="strange_spiders:Starting")
mixed = source("mixed", observations=mixed)
breaks = source("breaks", observations=breaks)
later = source("later", observations=breaks_on_the_web)
wrong = source("wrong", observations=wrong)
ranked = source("ranked", observations=ranked)
slow = source("slow", observations=slow)
nowhere = source("nowhere", spider="strange_spiders:Nowhere")
module = source("module", spider="strange_module:Spider")
building = source("building", spider="strange_spiders:Building")
plain = source("plain", spider="strange_spiders:Plain")
dicts = source("dicts", observations=lambda options: [{"source_id": "a"}])
eager = source("eager", observations=lambda options: options.nothing)
"""
NAMES = (
    "relative", "twice", "starting", "mixed", "breaks", "later", "wrong", "dicts", "eager",
    "ranked",
    "slow", "nowhere", "module", "building", "plain",
)  # fmt: skip
SPIDERS = """
from stickerworks.plugins import ListingSpider, LocalFile, Observation
from pathlib import Path

from scrapy import Request

class Building(ListingSpider):
    name = "building"
    def __init__(self, *args, **more):
        raise KeyError("no settings")

class Plain(ListingSpider):
    name = "plain"
    async def start(self):
        yield Request(self.options.url + "no-such-page", callback=self.parse)
    def parse(self, response):
        yield Observation("a.gif", self.options.url + "a.gif")

class Starting(ListingSpider):
    name = "starting"
    async def start(self):
        if self.options.url == "dict":
            yield {"source_id": "a"}
        elif self.options.url == "raise":
            raise KeyError("next page")
        elif self.options.url == "file":
            yield LocalFile(Observation("a.gif"), Path("a.gif"))
        else:
            for name in ("a.gif", "b.gif"):
                yield Observation(name, self.options.url + name)
"""


@pytest.fixture
def crawl_strangers(
    tmp_path: Path,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    stranger: Callable[..., None],
) -> Callable[..., CrawlSummary]:
    """Crawls a source of an installed package that isn't ours, from the folder of the test."""
    stranger("sources", SOURCES, {name: name for name in NAMES})
    (tmp_path / "strange_spiders.py").write_text(SPIDERS)
    monkeypatch.chdir(tmp_path)

    def run(name: str, limit: int | None = None, **settings: Any) -> CrawlSummary:
        options, said = settings.pop("options", {}), settings.pop("said", [])
        source = SourceConfig(source=name, limit=limit, options=options)
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
def test_a_spider_may_yield_observations_from_its_start_and_nothing_else(
    site: Any, bqb: Any, crawl_strangers: Callable[..., CrawlSummary]
) -> None:
    for name in ("a.gif", "b.gif"):
        site.add("A", name)
    hosts, url = [site.host], f"http://{site.host}{bqb.ROOT}/A/"
    found = crawl_strangers("starting", limit=2, allow_hosts=hosts, options={"url": url})
    assert found.stickers == 2
    with pytest.raises(
        StickerworksError, match="'starting' of strange 1.0 yields a dict, which is no"
    ):
        crawl_strangers("starting", options={"url": "dict"})
    with pytest.raises(StickerworksError, match=r"of starting could not.*next page.*strange 1\.0"):
        crawl_strangers("starting", options={"url": "raise"})


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
@pytest.mark.usefixtures("two_files")
def test_a_spider_may_yield_files(
    workspace: Workspace, crawl_strangers: Callable[..., CrawlSummary]
) -> None:
    assert crawl_strangers("starting", options={"url": "file"}).stickers == 1


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("breaks", "failed as it listed its items: KeyError: 'next page'"),
        ("later", "failed as it listed its items: KeyError: 'next page'"),
        ("wrong", "failed as it listed its items: TypeError: title is a int, not a text"),
        ("ranked", "failed as it listed its items: TypeError: rank is a str"),
        ("nowhere", "failed as its spider strange_spiders:Nowhere was loaded: NameError"),
        ("module", "failed as its spider strange_module:Spider was loaded: ModuleNotFoundError"),
        ("building", "failed as its spider strange_spiders:Building was started"),
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
    url = f"http://{site.host}{bqb.ROOT}/"
    with pytest.raises(StickerworksError, match="no-such-page answered 404"):
        crawl_strangers("plain", allow_hosts=[site.host], options={"url": url})


@pytest.mark.timeout(120)
def test_a_slow_list_is_waited_for(
    site: Any, bqb: Any, crawl_strangers: Callable[..., CrawlSummary]
) -> None:
    for number in range(3):
        site.add("A", f"{number}.gif")
    hosts, url = [site.host], f"http://{site.host}{bqb.ROOT}/A/"
    assert crawl_strangers("slow", allow_hosts=hosts, options={"url": url}).stickers == 3
