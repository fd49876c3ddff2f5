"""The step over real tables: keywords, texts on stickers, tags that people named or didn't."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from pipeline.engine.storage import Proof, digest_rows
from pipeline.engine.workspace import Workspace
from pipeline.tags.keyword_step import KEYWORDS
from pipeline.tags.suggestion_step import SUGGESTIONS
from schemas.config import Config, TagsConfig
from schemas.labelling import LabelConfig
from schemas.tables import TABLES

Row = dict[str, Any]
Build = Callable[[list[list[Row]]], Workspace]
Run = Callable[..., Workspace]

SHARDS = [
    [
        {"id": "a", "query": "开心"},
        {"id": "b", "query": "脏话"},
        {"id": "c", "query": "开心", "kept": False},
        {"id": "d", "query": None},
        {"id": "e", "query": "一直哭"},
    ],
    [{"id": "f", "query": "大哭"}, {"id": "g", "query": "开心"}],
]
TEXTS = [
    [("a", "今天真开心"), ("b", "脏话"), ("c", "开心"), ("d", "開心"), ("e", None)],
    [("f", "一直哭"), ("g", "开心")],
]
TAGS = [{"tag": "开心", "id": "t001"}, {"tag": "难过", "id": "t002", "aliases": ["大哭"]}]
KEYWORD_TAGS = {
    "开心": ("named", "t001", 0),
    "大哭": ("named", "t002", 1),
    "一直哭": ("fitted", "t002", 1),
    "脏话": ("named", None, 2),
}


def write(workspace: Workspace, name: str, part: int | None, rows: list[Row]) -> None:
    table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
    workspace.write(name, part, table, Proof("test", ""))


@pytest.fixture
def named(stickers: Build, run: Run) -> Workspace:
    """Two tags that people named, something that they dropped, and texts on stickers."""
    workspace = run(stickers(SHARDS), (KEYWORDS,), Config())
    write(
        workspace,
        "clusters",
        None,
        [
            {"keyword": word, "state": state, "tag": tag, "cluster": cluster}
            for word, (state, tag, cluster) in sorted(KEYWORD_TAGS.items())
        ],
    )
    more = {"named": True, "version": "v1", "flags": []}
    write(workspace, "tagset", None, [{"aliases": []} | tag | more for tag in TAGS])
    for part, texts in enumerate(TEXTS):
        lines = [{"text": "x", "score": 0.8}]
        rows = [{"id": id_, "text": text, "lines": lines} for id_, text in texts]
        write(workspace, "ocr", part, rows)
    return workspace


def scored(workspace: Workspace) -> dict[str, dict[str, tuple[float, list[str]]]]:
    rows = workspace.read("suggestions").to_pylist()
    return {
        row["id"]: {one["tag"]: (one["score"], one["sources"]) for one in row["scored"]}
        for row in rows
    }


def test_keywords_and_texts_suggest_tags_with_scores(named: Workspace, run: Run) -> None:
    found = scored(run(named, (SUGGESTIONS,), Config()))
    assert found["a"] == {"开心": (1.0, ["keyword", "ocr"])}
    assert found["b"] == found["c"] == {}, "dropped, and not kept"
    assert found["d"] == {"开心": (pytest.approx(0.95 * 0.8), ["ocr"])}
    assert found["e"]["难过"][1] == ["cluster"]
    score, sources = found["f"]["难过"]
    assert (score, sources) == (1.0, ["keyword", "ocr"])
    assert found["g"]["开心"][0] == 1.0
    rows = named.read("suggestions").to_pylist()
    assert [row["id"] for row in rows] == list("abcdefg")
    assert {row["tagset"] for row in rows} == {"v1"}


@pytest.mark.parametrize(
    ("sources", "having"),
    [
        (("keyword",), {"a", "f", "g"}),
        (("cluster",), {"e"}),
        (("ocr",), {"a", "d", "f", "g"}),
        ((), set()),
    ],
)
def test_only_the_sources_that_are_asked_for_suggest(
    named: Workspace, run: Run, sources: tuple[Any, ...], having: set[str]
) -> None:
    config = Config(tags=TagsConfig(suggest_from=sources))
    found = scored(run(named, (SUGGESTIONS,), config))
    assert {id_ for id_, tags in found.items() if tags} == having


def test_scores_below_the_bound_are_left_out_and_lists_are_as_long_as_votes(
    named: Workspace, run: Run
) -> None:
    config = Config(tags=TagsConfig(min_score=0.9))
    assert scored(run(named, (SUGGESTIONS,), config))["d"] == {}
    write(named, "ocr", 1, [{"id": "f", "text": "开心 大哭"}, {"id": "g", "text": "大哭"}])
    assert len(scored(run(named, (SUGGESTIONS,), Config()))["g"]) == 2
    found = scored(run(named, (SUGGESTIONS,), Config(label=LabelConfig(max_tags=1))))
    assert found["g"] == {"开心": (1.0, ["keyword"])}


def test_without_texts_keywords_suggest_the_same(
    stickers: Build, run: Run, named: Workspace
) -> None:
    with_texts = scored(run(named, (SUGGESTIONS,), Config()))
    for part in (0, 1):
        write(named, "ocr", part, [{"id": id_, "text": None} for id_, _ in TEXTS[part]])
    found = scored(run(named, (SUGGESTIONS,), Config()))
    assert found["d"] == {}
    assert found["e"] == with_texts["e"]


def test_the_same_tables_give_the_same_bytes(named: Workspace, run: Run) -> None:
    once = digest_rows(run(named, (SUGGESTIONS,), Config()).read("suggestions"))
    reversed_ = named.read("tagset").to_pylist()[::-1]
    write(named, "tagset", None, reversed_)
    assert digest_rows(run(named, (SUGGESTIONS,), Config()).read("suggestions")) == once
