import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.errors import StickerworksError
from pipeline.tags.naming.rows import NamingError, NamingRow

CLUSTERS = {"c0": ["开心 大笑", "大笑"], "c1": ["猫 睡觉"], "c2": ["狗 跑"], "c3": ["傻瓜"]}
Make = Callable[[], Any]
WHERE = {name: f"clusters!{letter}" for name, letter in zip(
    ("key", "decision", "name", "english", "group", "aliases", "into", "keywords", "words",
     "version"), "ABCDEFGHIJ", strict=True)}  # fmt: skip


def keeping(version: str, **changed: dict[str, Any] | None) -> list[NamingRow]:
    """Rows that keep every cluster under its key's name, but for what is changed."""
    rows = []
    for number, key in enumerate(CLUSTERS, start=2):
        cells = {name: f"{where}{number}" for name, where in WHERE.items()}
        row = NamingRow(key=key, decision="keep", name=f"名{key[1]}", version=version, cells=cells)
        change = changed.get(key, {})
        if change is not None:
            rows.append(replace(row, **change))
    return rows


def added(version: str = "", **columns: Any) -> NamingRow:
    cells = {name: f"added!{where[-1]}2" for name, where in WHERE.items()}
    return NamingRow(version=version, cells=cells, **columns)


def problems(rows: Sequence[NamingRow], make: Make, blocked: Sequence[str] = ()) -> dict[str, str]:
    """What is wrong, by where."""
    begun = make()
    begun.propose(CLUSTERS)
    before = dict(begun.tables)
    with pytest.raises(NamingError) as caught:
        begun.apply(rows, blocked)
    assert begun.tables == before
    assert all(problem.remedy for problem in caught.value.problems)
    return {problem.where: problem.what for problem in caught.value.problems}


@pytest.fixture
def version(rounds: Make) -> str:
    return rounds().propose(CLUSTERS)


def test_each_cluster_becomes_what_was_decided(rounds: Make, version: str) -> None:
    begun = rounds()
    begun.propose(CLUSTERS)
    rows = keeping(
        version,
        c0={"decision": "保留", "name": " 大笑 ", "english": "laugh", "group": "Mood", "note": "!"},
        c1={"decision": "ＭＥＲＧＥ", "name": "睡", "into": "C0"},
        c2={"decision": "刪除", "name": ""},
        c3={"decision": "屏蔽", "name": ""},
    )
    named = begun.apply([*rows, added(name="狗", words=("跑",), group="ｍood")])
    tags = {row["tag"]: row for row in named.tags.to_pylist()}
    assert set(tags) == {"大笑", "狗"}
    assert tags["大笑"]["id"] == "t001"
    assert tags["大笑"]["english"] == "laugh"
    assert tags["大笑"]["aliases"] == ["睡"]
    assert tags["大笑"]["clusters"] == [0, 1]
    assert tags["大笑"]["keys"] == ["c0", "c1"]
    assert tags["狗"]["clusters"] == [2]
    assert {row["group"] for row in tags.values()} == {"Mood"}
    of = {r["keyword"]: (r["decision"], r["tag"]) for r in named.keywords.to_pylist()}
    assert of == {
        "大笑": ("keep", "t001"),
        "开心 大笑": ("keep", "t001"),
        "猫 睡觉": ("merge", "t001"),
        "狗 跑": ("add", "t002"),
        "傻瓜": ("block", None),
    }


@pytest.mark.parametrize(
    ("changed", "where", "what"),
    [
        ({"c1": {"decision": ""}}, "B3", "nothing is decided about c1"),
        ({"c1": {"decision": "maybe"}}, "B3", "'maybe' is no decision"),
        ({"c1": {"decision": "add"}}, "B3", "is no decision"),
        ({"c1": {"name": "  "}}, "C3", "has no name"),
        ({"c1": {"name": "?!"}}, "C3", "has no letter or digit"),
        ({"c1": {"name": "很" * 41}}, "C3", "longer than 40"),
        ({"c1": {"english": "\x00"}}, "D3", "is no name"),
        ({"c1": {"name": "坏蛋"}}, "C3", "blocked"),
        ({"c1": {"aliases": ("坏蛋",)}}, "F3", "blocked"),
        ({"c1": {"name": "名0"}}, "C3", "the name of c0 as well"),
        ({"c1": {"name": "名 ０"}}, "C3", "there written '名0'"),
        ({"c0": {"name": "体"}, "c1": {"name": "體"}}, "C3", "the name of c0 as well"),
        ({"c0": {"name": "Cat"}, "c1": {"name": "ＣＡＴ"}}, "C3", "the name of c0 as well"),
        ({"c1": {"aliases": ("名0",)}}, "F3", "the name of c0 as well"),
        ({"c1": {"english": "名0"}}, "D3", "the name of c0 as well"),
        ({"c0": {"english": "cat"}, "c1": {"name": "CAT"}}, "D2", "the name of c1 as well"),
        ({"c1": {"decision": "merge"}}, "G3", "nothing says into what"),
        ({"c1": {"decision": "merge", "into": "名9"}}, "G3", "no row has '名9'"),
        ({"c1": {"decision": "merge", "into": "c1"}}, "G3", "merged into itself"),
        (
            {"c0": {"decision": "drop"}, "c1": {"decision": "merge", "into": "c0"}},
            "G3",
            "which is dropped",
        ),
        ({"c1": {"into": "c0"}}, "G3", "isn't merged"),
        ({"c1": {"decision": "drop", "into": "c0"}}, "G3", "isn't merged"),
        ({"c1": {"keywords": ("猫",)}}, "H3", "has its keywords already"),
        ({"c1": {"words": ("猫",)}}, "I3", "has its keywords already"),
        ({"c1": {"key": "c9"}}, "A3", "there is no 'c9'"),
        ({"c1": {"key": "c0"}}, "A3", "c0 has a row already"),
        ({"c3": {"decision": "block"}, "c1": {"name": "名3"}}, "C3", "which is blocked"),
        ({"c3": {"decision": "block", "name": ""}, "c1": {"name": "傻瓜"}}, "C3", "is blocked"),
    ],
)
def test_the_cell_of_what_is_wrong(
    rounds: Make, version: str, changed: dict[str, Any], where: str, what: str
) -> None:
    found = problems(keeping(version, **changed), rounds, ["坏蛋"])
    assert what in found[f"clusters!{where}"]


def test_a_circle_is_told_once_and_as_a_chain(rounds: Make, version: str) -> None:
    circle = {
        "c0": {"decision": "merge", "into": "c1"},
        "c1": {"decision": "merge", "into": "名2"},
        "c2": {"decision": "merge", "into": "c0"},
        "c3": {"decision": "merge", "into": "c2"},
    }
    found = problems(keeping(version, **circle), rounds)
    assert list(found) == ["clusters!G2"]
    assert "c0 名0 -> c1 名1 -> c2 名2 -> c0 名0" in found["clusters!G2"]


def test_all_problems_are_told_at_once(rounds: Make, version: str) -> None:
    rows = keeping(version, c0={"decision": ""}, c1={"name": ""}, c2=None, c3={"into": "c0"})
    found = problems(rows, rounds)
    assert {*found} == {"clusters!B2", "clusters!C3", "clusters!G5", "names.xlsx"}
    assert found["names.xlsx"] == "c2 has no row"


@pytest.mark.parametrize(
    ("row", "where", "what"),
    [
        ({"name": "新"}, "H2", "neither keywords nor words"),
        ({"keywords": ("猫",)}, "C2", "has no name"),
        ({"name": "新", "keywords": ("猫",), "decision": "drop"}, "B2", "without a key"),
        ({"name": "名0", "keywords": ("猫",)}, "C2", "the name of c0 as well"),
    ],
)
def test_what_is_wrong_with_a_tag_added_by_hand(
    rounds: Make, version: str, row: dict[str, Any], where: str, what: str
) -> None:
    found = problems([*keeping(version), added(**row)], rounds)
    assert what in found[f"added!{where}"]


def test_a_keyword_can_be_taken_once(rounds: Make, version: str) -> None:
    rows = [
        *keeping(version),
        added(name="甲", keywords=("大笑", "喵")),
        replace(added(name="乙", keywords=("喵",)), cells={"keywords": "added!H3"}),
    ]
    assert "takes '喵' already" in problems(rows, rounds)["added!H3"]


def test_another_version_is_refused_before_all_else(rounds: Make, version: str) -> None:
    found = problems(keeping("0123456789ab", c1={"decision": ""}), rounds)
    assert list(found) == ["clusters!J2"]
    assert "version '0123456789ab' of the proposals, and 3 more rows" in found["clusters!J2"]
    mixed = keeping(version, c2={"version": "0123456789ab"})
    assert list(problems(mixed, rounds)) == ["clusters!J4"]
    assert "which version" in problems(keeping(""), rounds)["names.xlsx"]


def test_nothing_left_is_no_tag_set(rounds: Make, version: str) -> None:
    gone = {key: {"decision": "drop"} for key in CLUSTERS}
    assert problems(keeping(version, **gone), rounds) == {"names.xlsx": "no tag is left"}


def test_without_proposals_there_is_nothing_to_decide(rounds: Make) -> None:
    with pytest.raises(StickerworksError, match="no proposals"):
        rounds().apply(keeping("0123456789ab"))


def test_proposals_of_other_clusters_than_there_are_now_are_refused(
    rounds: Make, version: str
) -> None:
    begun = rounds()
    begun.propose(CLUSTERS)
    begun.tables["clusters"] = begun.tables["clusters"].slice(1)
    with pytest.raises(StickerworksError, match="other clusters"):
        begun.apply(keeping(version))


@given(st.lists(st.integers(0, 199), min_size=200, max_size=200), st.integers(0, 199))
@settings(max_examples=30, deadline=None)
def test_merges_end_or_are_refused(rounds: Make, into: list[int], kept: int) -> None:
    """Whatever points wherever: each row reaches what is kept, or a circle is told."""
    clusters = {f"c{n}": [f"词{n}"] for n in range(200)}
    begun = rounds()
    version = begun.propose(clusters)
    rows = [
        NamingRow(key=f"c{n}", version=version, decision="keep", name=f"名{n}")
        if n == kept
        else NamingRow(key=f"c{n}", version=version, decision="merge", into=f"c{target}")
        for n, target in enumerate(into)
    ]
    reaches = [n for n in range(200) if _reaches(n, into, kept)]
    started = time.process_time()
    if len(reaches) < 200:
        with pytest.raises(NamingError) as caught:
            begun.apply(rows)
        assert all("merged" in problem.what for problem in caught.value.problems)
    else:
        named = begun.apply(rows)
        assert named.tags["keys"].to_pylist()[0][0] == f"c{kept}"
        assert len(named.keywords) == 200
    assert time.process_time() - started < 10


def _reaches(place: int, into: list[int], kept: int) -> bool:
    seen = set()
    while place != kept and place not in seen:
        seen.add(place)
        place = into[place]
    return place == kept
