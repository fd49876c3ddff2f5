"""Which stickers and keywords the page shows, and that it stays within its size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from table_rows import put

from pipeline.engine.workspace import Workspace
from pipeline.tags.naming.page import shown as shown_module
from pipeline.tags.naming.page import stickers as stickers_module
from pipeline.tags.naming.page.page import write_naming_page
from pipeline.tags.naming.page.shown import read_shown
from pipeline.tags.naming.page.stickers import load_shown_pictures

Propose = Callable[..., Workspace]

CLUSTERS = {"c0": ["甲", "乙", "丙"], "c1": ["丁"], "c2": ["甲2"]}


def test_keywords_take_turns_and_stickers_come_once(propose: Propose) -> None:
    workspace = propose(CLUSTERS, each=9)
    found = load_shown_pictures(workspace, list(CLUSTERS))
    assert Counter(keyword for _, keyword in found.stickers["c0"]) == {"甲": 4, "乙": 4, "丙": 4}
    assert [keyword for _, keyword in found.stickers["c0"][:3]] == sorted("甲乙丙")
    assert len(found.stickers["c1"]) == 9
    ids = [id_ for listed in found.stickers.values() for id_, _ in listed]
    assert len(set(ids)) == len(ids) == 12 + 9 + 9
    assert set(found.drawn) == set(ids)
    assert all(drawn[0].startswith("data:image/jpeg;base64,") for drawn in found.drawn.values())


def test_a_sticker_of_two_keywords_stands_for_the_one_that_more_carry(propose: Propose) -> None:
    workspace = propose({"c0": ["甲", "乙"]}, each=1)
    rows = workspace.read("observations").to_pylist()
    for part in workspace.parts:
        both = [row | {"query": query} for row in rows for query in ("甲", "乙")]
        ids = set(workspace.read("stickers", part)["id"].to_pylist())
        put(workspace, "observations", [row for row in both if row["id"] in ids], part)
    counts = [{"keyword": "甲", "stickers": 1}, {"keyword": "乙", "stickers": 2}]
    put(workspace, "keywords", counts)
    found = load_shown_pictures(workspace, ["c0"]).stickers["c0"]
    assert [keyword for _, keyword in found] == ["乙", "乙"]


def test_what_people_flagged_and_what_was_dropped_is_not_shown(propose: Propose) -> None:
    workspace = propose(CLUSTERS, each=2)
    ids = workspace.read("stickers")["id"].to_pylist()
    for part in workspace.parts:
        here = workspace.read("stickers", part)["id"].to_pylist()
        reviews = [{"id": id_, "flagged": id_ == ids[0]} for id_ in here]
        put(workspace, "reviews", reviews, part)
        kept = [{"id": i, "kept": i != ids[1], "outcome": "x"} for i in here]
        put(workspace, "decisions", kept, part)
    found = load_shown_pictures(workspace, list(CLUSTERS))
    assert set(found.drawn) == set(ids[2:])
    assert {id_ for listed in found.stickers.values() for id_, _ in listed} == set(ids[2:])


def test_pictures_fit_and_each_key_has_some(
    propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters = {f"c{n}": [f"词{n}"] for n in range(8)}
    workspace = propose(clusters, each=5)
    whole = load_shown_pictures(workspace, list(clusters)).drawn
    size = max(len(still) for still, *_ in whole.values())
    monkeypatch.setattr(stickers_module, "MOST_BYTES", size * 17)
    found = load_shown_pictures(workspace, list(clusters))
    assert sum(len(still) for still, *_ in found.drawn.values()) <= size * 17
    assert {len(listed) for listed in found.stickers.values()} <= {2, 3}


def test_the_keywords_that_most_carry_and_exemplars_are_shown_with_their_words(
    propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters = {"c0": ["甲乙", "乙", "丙丙"], "c1": ["乙丁"]}
    workspace = propose(clusters, c0={"exemplars": ["丙丙"]})
    counts = {"甲乙": 1, "乙": 5, "丙丙": 3, "乙丁": 1}
    rows = [{"keyword": k, "tokens": list(k), "stickers": n} for k, n in counts.items()]
    put(workspace, "keywords", rows)
    monkeypatch.setattr(shown_module, "MOST_OF_ONE", 1)
    found = read_shown(workspace, {"c0": (None, "jia"), "c1": ("丁丁", "ding"), "c9": ("x", "y")})
    assert found.version == "0123456789ab"
    (zero, one), words = found.rows, found.words
    assert [(text, count) for text, count, _ in zero["shown"]] == [("乙", 5), ("丙丙", 3)]
    assert [words[number] for number in zero["shown"][0][2]] == [("乙", 3)]
    assert words == [("丁", 1), ("丙", 1), ("乙", 3)]
    assert zero["suggested"][0] == ("甲乙", "jia")
    assert one["suggested"] == [("丁丁", "ding"), ("乙丁", "")]


def test_without_proposals_there_is_no_page(tmp_path: Path) -> None:
    assert write_naming_page(Workspace(tmp_path), tmp_path / "page.html") is None
    assert not (tmp_path / "page.html").exists()
