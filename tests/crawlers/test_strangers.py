"""Sources of another package: what they get wrong is told to whoever wrote them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chinesebqb import gif

from crawlers.crawl import CrawlSummary, crawl
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig

SOURCES = """
from pathlib import Path
from crawlers.observation import LocalFile, Observation
from crawlers.source import Source, SourceOptions

class Options(SourceOptions):
    url: str = ""

def source(**how):
    return Source(title="t", options=Options, redistribute=True, terms="", **how)

def lists(*files):
    return lambda options: (LocalFile(Observation(name), Path(name)) for name in files)

relative = source(name="relative", observations=lists("a.gif", "there/b.gif"))
twice = source(name="twice", observations=lists("a.gif", "there/b.gif", "a.gif"))
starting = source(name="starting", spider="strange_spiders:Starting")
"""
SPIDERS = """
from crawlers.observation import Observation
from crawlers.spiders.listing_spider import ListingSpider

class Starting(ListingSpider):
    name = "starting"
    async def start(self):
        if self.options.url == "dict":
            yield {"source_id": "a"}
        else:
            for name in ("a.gif", "b.gif"):
                yield Observation(name, self.options.url + name)
"""


@pytest.fixture
def crawl_strangers(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., CrawlSummary]:
    """Crawls a source of an installed package that isn't ours, from the folder of the test."""
    info = tmp_path / "strange-1.0.dist-info"
    info.mkdir()
    (tmp_path / "strange_sources.py").write_text(SOURCES)
    (tmp_path / "strange_spiders.py").write_text(SPIDERS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
    lines = (f"{name} = strange_sources:{name}\n" for name in ("relative", "twice", "starting"))
    (info / "entry_points.txt").write_text("[stickerworks.sources]\n" + "".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)

    def run(name: str, limit: int | None = None, **settings: Any) -> CrawlSummary:
        options = settings.pop("options", {})
        source = SourceConfig(source=name, limit=limit, options=options)
        return crawl(workspace, CrawlConfig(sources=[source], **settings))

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
def test_a_source_that_lists_a_sighting_twice_is_told_so(
    crawl_strangers: Callable[..., CrawlSummary],
) -> None:
    with pytest.raises(StickerworksError, match="The source twice lists 'a.gif' twice under ''"):
        crawl_strangers("twice")


@pytest.mark.timeout(120)
def test_a_spider_may_yield_sightings_from_its_start_and_nothing_else(
    site: Any, bqb: Any, crawl_strangers: Callable[..., CrawlSummary]
) -> None:
    for name in ("a.gif", "b.gif"):
        site.add("A", name)
    hosts, url = [site.host], f"http://{site.host}{bqb.ROOT}/A/"
    found = crawl_strangers("starting", limit=2, allow_hosts=hosts, options={"url": url})
    assert found.stickers == 2
    with pytest.raises(StickerworksError, match="spider of starting yields a dict, which is no"):
        crawl_strangers("starting", options={"url": "dict"})
