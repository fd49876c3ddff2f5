"""The steps of tags behind a frozen set: what is settled, what fits, what waits for a name."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.storage import Proof, digest_rows
from pipeline.engine.workspace import Workspace
from pipeline.tags.cluster_step import CLUSTERS
from pipeline.tags.keyword_step import KEYWORDS
from pipeline.tags.naming.basis import find_basis
from pipeline.tags.naming.freeze import freeze, write_frozen
from pipeline.tags.naming.resolve import resolve, versions_of
from pipeline.tags.naming.rows import Naming, NamingRow
from pipeline.tags.tagset_step import TAGSET
from schemas.config import Config, TagsConfig

Build = Callable[[list[list[dict[str, Any]]]], Workspace]
Run = Callable[..., Workspace]
CONFIG = Config(tags=TagsConfig(clusters=3, seeds=1))
FIRST = [
    "猫睡觉",
    "猫跑",
    "猫",
    "猫,猫",
    "打工人",
    "打工人上班",
    "打工人加油",
    "笨蛋",
    "大笨蛋",
    "我们",
]
STEPS = (KEYWORDS, CLUSTERS, TAGSET)
PEOPLES = ("naming", "named_tags", "named_keywords")


def shown(*queries: str) -> list[dict[str, Any]]:
    return [{"id": f"{n:03d}", "query": query} for n, query in enumerate(queries)]


def name(workspace: Workspace, decisions: Mapping[str, NamingRow], *added: NamingRow) -> None:
    """Apply rows given by a word of the cluster that each is about; others are kept as they are."""
    proposals = workspace.read("proposals").to_pylist()
    rows = []
    for row in proposals:
        given = [one for word, one in decisions.items() if word in row["terms"]]
        one = given[0] if given else NamingRow(decision="keep", name=row["name"])
        rows.append(replace(one, key=row["key"], version=row["version"]))
    naming = Naming("names.xlsx", (*rows, *added))
    basis = find_basis(workspace, versions_of(naming))
    write_frozen(workspace, freeze(workspace, basis, resolve(naming, basis, ()), None, "2026"))


DECIDED = {
    "猫": NamingRow(decision="keep", name="喵", english="cat", aliases=("貓咪",)),
    "笨蛋": NamingRow(decision="drop"),
}


def by_keyword(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return {row["keyword"]: row for row in workspace.read("clusters").to_pylist()}


def test_a_frozen_set_is_the_tag_set(stickers: Build, run: Run) -> None:
    workspace = run(stickers([shown(*FIRST)]), STEPS, CONFIG)
    assert not any(workspace.read("tagset")["named"].to_pylist())
    name(workspace, DECIDED)
    run(workspace, STEPS[1:], CONFIG)
    tagset = {row["tag"]: row for row in workspace.read("tagset").to_pylist()}
    assert set(tagset) == {"喵", "打工人"}
    assert [row["id"] for row in workspace.read("tagset").to_pylist()] == ["t001", "t002"]
    assert tagset["喵"]["named"]
    assert tagset["喵"]["flags"] == []
    assert (tagset["喵"]["keywords"], tagset["喵"]["stickers"]) == (4, 4)
    assert (tagset["喵"]["english"], tagset["喵"]["aliases"]) == ("cat", ["貓咪"])
    assert tagset["喵"]["version"] == workspace.read("named_tags")["version"][0].as_py()
    assert workspace.read("proposals")["key"].to_pylist() == ["t001", "t002"]
    found = by_keyword(workspace)
    assert found["猫跑"]["state"] == "named"
    assert found["笨蛋"]["state"] == "named"
    assert found["笨蛋"]["tag"] is None
    assert found["我们"]["state"] == "unclustered"


def test_a_new_crawl_fits_or_is_a_candidate_and_leaves_names_alone(
    stickers: Build, run: Run
) -> None:
    run(workspace := stickers([shown(*FIRST)]), STEPS, CONFIG)
    name(workspace, DECIDED, NamingRow(name="加班", words=("通宵",)))
    before = {table: digest_rows(workspace.read(table)) for table in PEOPLES}
    more = [
        "猫跑,猫",
        "貓咪",
        "CAT",
        "打工人 打工人",
        "笨蛋笨蛋",
        "通宵写代码",
        "下雪",
        "下雪天",
        "大象",
        "睡觉下雪大象汽车",
    ]
    queries = [*FIRST, *more]
    digests = []
    for seed in range(2):
        random.Random(seed).shuffle(queries)
        run(stickers([shown(*queries)]), STEPS, CONFIG)
        digests.append(
            [digest_rows(workspace.read(t)) for t in ("clusters", "proposals", "tagset")]
        )
    assert digests[0] == digests[1]
    found = by_keyword(workspace)
    ids = dict(zip(*(workspace.read("tagset")[c].to_pylist() for c in ("tag", "id")), strict=True))
    fits = {
        keyword: found[keyword]["tag"] for keyword in more if found[keyword]["state"] == "fitted"
    }
    assert fits == {
        "猫跑,猫": ids["喵"],
        "貓咪": ids["喵"],
        "CAT": ids["喵"],
        "打工人 打工人": ids["打工人"],
        "通宵写代码": ids["加班"],
        "笨蛋笨蛋": None,
    }
    assert found["笨蛋笨蛋"]["cluster"] == found["笨蛋"]["cluster"]
    # It shares a word with a cat, and is about snow, elephants and cars.
    assert found["睡觉下雪大象汽车"]["state"] == "clustered"
    assert list(found) == sorted(found)
    assert all(row["flags"] == [] for row in workspace.read("tagset").to_pylist())
    candidates = {
        found[keyword]["key"] for keyword in ("下雪", "下雪天", "大象", "睡觉下雪大象汽车")
    }
    assert candidates.issubset({"c3", "c4", "c5", "c6"})
    assert {row["key"] for row in workspace.read("proposals").to_pylist()} == {
        *ids.values(), *candidates,
    }  # fmt: skip
    assert before == {table: digest_rows(workspace.read(table)) for table in PEOPLES}
    assert set(ids) == {"喵", "打工人", "加班"}
    # The next round settles them; ids and names of before stay.
    name(workspace, {"下雪天": NamingRow(decision="keep", name="雪")})
    run(workspace, STEPS[1:], CONFIG)
    now = dict(zip(*(workspace.read("tagset")[c].to_pylist() for c in ("tag", "id")), strict=True))
    assert ids.items() <= now.items()
    assert now["雪"] not in ids.values()
    settled = workspace.read("named_keywords")
    assert {"猫跑,猫", "CAT", "通宵写代码"} <= set(settled["keyword"].to_pylist())


def test_a_tag_that_nothing_carries_any_more_stays(stickers: Build, run: Run) -> None:
    run(workspace := stickers([shown(*FIRST)]), STEPS, CONFIG)
    name(workspace, DECIDED)
    # A takedown took words from the frozen set as well.
    settled = workspace.read("named_keywords")
    left = settled.filter(pc.invert(pc.match_substring(settled["keyword"], "猫")))
    assert len(left) < len(settled)
    workspace.write("named_keywords", None, left, Proof("test", ""))
    gone = [query for query in FIRST if "猫" not in query]
    run(stickers([shown(*gone)]), STEPS, CONFIG)
    tagset = {row["tag"]: row for row in workspace.read("tagset").to_pylist()}
    assert (tagset["喵"]["keywords"], tagset["喵"]["stickers"]) == (0, 0)
    assert tagset["喵"]["id"] in workspace.read("proposals")["key"].to_pylist()
    # And can be named in the next round, whose settled keywords it keeps.
    name(workspace, {})
    assert "喵" in workspace.read("named_tags")["tag"].to_pylist()
    kept = workspace.read("named_keywords")["keyword"].to_pylist()
    assert set(kept) == set(left["keyword"].to_pylist())


def test_nothing_but_settled_keywords_needs_no_clustering(
    stickers: Build, run: Run, monkeypatch: Any
) -> None:
    run(workspace := stickers([shown(*FIRST)]), STEPS, CONFIG)
    name(workspace, DECIDED)
    asked: list[pa.Array] = []
    from pipeline.tags import clustering

    cluster = clustering.cluster_keywords

    def counting(keywords: pa.Array, *given: Any) -> Any:
        asked.append(keywords)
        return cluster(keywords, *given)

    monkeypatch.setattr(clustering, "cluster_keywords", counting)
    run(workspace, STEPS[1:], CONFIG)
    assert [keywords.to_pylist() for keywords in asked] == [["我们"]]
