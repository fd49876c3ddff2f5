from __future__ import annotations

import pytest

from crawlers.crawl import crawl
from crawlers.source import Source, load_source, read_options
from crawlers.sources.chinesebqb import SOURCE as CHINESEBQB
from crawlers.sources.folder import SOURCE as FOLDER
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig


def test_our_sources_are_plugins() -> None:
    assert load_source("chinesebqb") == CHINESEBQB
    assert load_source("folder") == FOLDER


@pytest.mark.parametrize(
    ("source", "options", "key"),
    [
        ("chinesebqb", {"index_urll": "x"}, "crawl.sources[0].options.index_urll"),
        ("chinesebqb", {"index_url": "file:///etc/passwd"}, "crawl.sources[0].options.index_url"),
        ("folder", {}, "crawl.sources[0].options.path"),
        ("folder", {"pathh": "x"}, "crawl.sources[0].options.pathh (did you mean path?)"),
        ("folder", {"path": 3}, "crawl.sources[0].options.path"),
    ],
)
def test_a_wrong_option_is_one_line_that_names_the_key(
    workspace: Workspace, source: str, options: dict[str, object], key: str
) -> None:
    config = CrawlConfig(sources=[SourceConfig(source=source, options=options)])
    with pytest.raises(StickerworksError) as caught:
        crawl(workspace, config)
    assert caught.value.message.startswith(f"Bad options of the source {source!r} of stickerworks ")
    assert key in caught.value.message
    assert "\n" not in str(caught.value)
    assert not workspace.tables.exists()


def test_an_unknown_source_is_answered_with_the_known_ones(workspace: Workspace) -> None:
    with pytest.raises(StickerworksError, match="chinesebqb, commons, folder"):
        crawl(workspace, CrawlConfig(sources=[SourceConfig(source="tenor")]))


def test_a_source_runs_in_exactly_one_way() -> None:
    facts = {
        "name": "x",
        "title": "x",
        "options": FOLDER.options,
        "redistribute": False,
        "terms": "",
    }
    with pytest.raises(ValueError, match="either"):
        Source(**facts)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="either"):
        Source(**facts, listing=CHINESEBQB.listing, observations=lambda options: iter(()))  # type: ignore[arg-type]


def test_options_are_the_sources_own_model() -> None:
    options = read_options(FOLDER, SourceConfig(source="folder", options={"path": "x"}), 0)
    assert isinstance(options, FOLDER.options)
