"""A crawl of some of what is configured."""

from __future__ import annotations

import pytest

from crawlers.selection import Selection, select
from pipeline.engine.errors import StickerworksError
from schemas.config import CrawlConfig, SourceConfig

CONFIG = CrawlConfig(
    sources=[
        SourceConfig(source="folder", options={"path": "."}),
        SourceConfig(source="chinesebqb", queries=("a",), query_table="tagset", limit=9),
        SourceConfig(source="folder", options={"path": "b"}),
    ]
)


def test_without_wishes_all_are_crawled_as_configured():
    selected = select(CONFIG, Selection())
    assert selected.positions == (0, 1, 2)
    assert selected.config == CONFIG


def test_sources_keep_their_places():
    selected = select(CONFIG, Selection(sources=("folder",), limit=3))
    assert selected.positions == (0, 2)
    assert [ours.limit for ours in selected.config.sources] == [3, 9, 3]


def test_queries_stand_instead_of_all_that_are_configured():
    selected = select(CONFIG, Selection(queries=("x", "y")))
    assert selected.positions == (1,)
    ours = selected.config.sources[1]
    assert (ours.queries, ours.query_file, ours.query_table) == (("x", "y"), None, None)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Selection(sources=("giphi",)), "no source 'giphi'. It has folder, chinesebqb;"),
        (Selection(sources=("folder",), queries=("x",)), "folder can't be asked for a query"),
        (
            Selection(sources=("folder", "chinesebqb"), queries=("x",)),
            "folder can't be asked for a query",
        ),
    ],
)
def test_what_is_not_there_is_told(wanted, told):
    with pytest.raises(StickerworksError) as raised:
        select(CONFIG, wanted)
    assert told in str(raised.value)
