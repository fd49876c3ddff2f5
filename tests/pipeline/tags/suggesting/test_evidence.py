"""Scores follow what is said: names whole, by the share of the text, and by nearness."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.tags.suggesting.combined import SOURCES
from pipeline.tags.suggesting.evidence import Texts, judge_keywords
from pipeline.tags.suggesting.known import KnownTags, read_known
from schemas.tables import TABLES

Row = dict[str, Any]


def table(name: str, rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=TABLES[name].schema)


def tag(name: str, id_: str | None, *clusters: int, **more: Any) -> Row:
    return {"tag": name, "id": id_, "clusters": clusters, "named": id_ is not None, "version": "v",
            "flags": [], "aliases": [], **more}  # fmt: skip


def known(tags: list[Row], keywords: dict[str, Row], by_hand: tuple[str, ...] = ()) -> KnownTags:
    """Tags, and rows of clusters by keyword; a keyword's words are parted by spaces."""
    return read_known(
        table("tagset", tags),
        table("clusters", [{"keyword": word, **row} for word, row in sorted(keywords.items())]),
        table("keywords", [{"keyword": w, "tokens": w.split()} for w in sorted(keywords)]),
        table(
            "named_keywords",
            [{"number": 1, "keyword": word, "decision": "add"} for word in by_hand],
        ),
    )


NAMED = known(
    [
        tag("开心", "t001", 0, english="happy", aliases=["高兴"]),
        tag("晚安", "t002", 1),
        tag("打", "t003", 3),
    ],
    {
        "开心": {"cluster": 0, "state": "named", "tag": "t001"},
        "今天 开心": {"cluster": 0, "state": "named", "tag": "t001"},
        "哈哈 笑死": {"cluster": 0, "state": "named", "tag": "t001"},
        "HAPPY": {"cluster": 0, "state": "fitted", "tag": "t001"},
        "今天 快乐": {"cluster": 0, "state": "fitted", "tag": "t001"},
        "晚安 早点 睡": {"cluster": 1, "state": "named", "tag": "t002"},
        "脏话 开心": {"cluster": 2, "state": "named", "tag": None},
        "早点 骂 人": {"cluster": 2, "state": "named", "tag": None},
        "脏话 晚安": {"cluster": 2, "state": "fitted", "tag": None},
        "新来 的": {"cluster": 4, "state": "clustered", "tag": None},
        "打 架": {"cluster": 3, "state": "named", "tag": "t003"},
    },
)


def of_keywords(tags: KnownTags) -> dict[str, tuple[float, str]]:
    found = judge_keywords(tags)
    sources = [SOURCES[place] for place in found.sources]
    return dict(
        zip(tags.keywords.to_pylist(), zip(found.scores, sources, strict=True), strict=True)
    )


def of_text(text: str, tags: KnownTags = NAMED) -> dict[str, float]:
    judge = Texts.of(tags, judge_keywords(tags).scores)
    rows, found, scores = judge.judge([text], [text.split()])
    assert not rows.any()
    return {tags.tags[place].as_py(): float(s) for place, s in zip(found, scores, strict=True)}


def test_a_keyword_that_is_a_name_is_certain() -> None:
    found = of_keywords(NAMED)
    assert found["开心"] == (1.0, "keyword")
    assert found["HAPPY"] == (1.0, "keyword")


def test_a_keyword_that_says_the_name_is_likelier_than_one_that_was_put_there() -> None:
    found = of_keywords(NAMED)
    assert 1 > found["今天 开心"][0] > found["哈哈 笑死"][0] > 0.3
    assert found["哈哈 笑死"][1] == "keyword"
    assert found["今天 快乐"][1] == "cluster"


def test_what_people_dropped_or_have_not_named_yet_suggests_nothing() -> None:
    found = of_keywords(NAMED)
    assert [found[word][0] for word in ("脏话 开心", "脏话 晚安", "新来 的")] == [0, 0, 0]


def test_a_keyword_given_by_hand_is_nearly_certain() -> None:
    rows = {"哭": {"cluster": 0, "state": "named", "tag": "t001"}}
    assert of_keywords(known([tag("难过", "t001")], rows, by_hand=("哭",)))["哭"][0] == 0.95


@pytest.mark.parametrize("flag", ["singleton", "oversized", "blocked"])
def test_a_flagged_cluster_that_nobody_named_suggests_nothing(flag: str) -> None:
    rows = {"开心 呀": {"cluster": 0, "state": "clustered"}}
    flagged = known([tag("开心", None, 0, flags=[flag])], rows)
    assert (len(flagged.tags), of_keywords(flagged)["开心 呀"][0]) == (0, 0)
    assert of_text("开心", flagged) == {}
    named = known(
        [tag("开心", "t001", 0, flags=[flag])], {"开心 呀": rows["开心 呀"] | {"tag": "t001"}}
    )
    assert of_keywords(named)["开心 呀"][0] > 0.5


def test_an_unnamed_cluster_means_its_name_and_nothing_else() -> None:
    rows = {word: {"cluster": 0, "state": "clustered"} for word in ("开心 呀", "好 呀")}
    found = of_keywords(known([tag("开心", None, 0)], rows))
    assert found["开心 呀"][0] > 0.6
    assert found["好 呀"][0] < 0.3
    assert (found["开心 呀"][1], found["好 呀"][1]) == ("keyword", "cluster")


def test_a_text_that_is_a_name_in_any_form_is_nearly_certain() -> None:
    for text in ("高興！", "ＨＡＰＰＹ", "开 心"):
        assert of_text(text)["开心"] == 0.95


def test_a_text_says_a_tag_the_less_the_more_it_says_besides() -> None:
    short = of_text("真 开心")["开心"]
    long = of_text("老板 说 明天 大家 都 要 来 公司 开会 开心 吗")["开心"]
    assert 0.6 < short < 0.95
    assert 0 < long < 0.4


def test_a_tag_of_one_character_takes_the_whole_text() -> None:
    assert "打" not in of_text("快点 打 车 走")
    assert "打" not in of_text("打 游戏")
    assert of_text("打")["打"] == 0.4


def test_a_text_that_is_a_keyword_of_ours_counts_as_that() -> None:
    score = of_keywords(NAMED)["哈哈 笑死"][0]
    assert of_text("哈哈 笑死") == {"开心": pytest.approx(0.95 * score)}
    assert of_text("脏话 开心") == {}
    assert of_text("新来 的") == {}


def test_a_text_nearest_to_what_was_dropped_is_drawn_away_from_tags() -> None:
    assert of_text("早点 骂 你") == {}
    assert of_text("早点 躺 你")["晚安"] > 0


def test_a_text_near_a_centre_suggests_it_and_one_that_shares_no_word_nothing() -> None:
    assert of_text("早点 睡")["晚安"] > 0.5
    assert of_text("完全 没有 关系") == {}


def test_no_texts_and_no_tags_are_no_error() -> None:
    empty = known([], {})
    assert [len(column) for column in Texts.of(empty, np.zeros(0)).judge([], [])] == [0, 0, 0]
    assert of_text("开心", empty) == {}
