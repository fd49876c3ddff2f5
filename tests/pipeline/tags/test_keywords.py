import time
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.tags.keywords import (
    COLUMNS,
    MAX_CHARS,
    carried_keywords,
    keywords_of,
    normalise,
)

HOSTILE = st.text(
    st.sampled_from(
        "a猫8 -_.%\u202e\u200d\ufe0f\u0301\u0000\ue000ﷺ＜＞🐱🏻\u20e3㊙™é①\u2028<b>&#x;'"
    )
)


@settings(max_examples=200, deadline=None)
@given(st.text() | HOSTILE)
@example("e\u200d\u0301")
@example("\u0301" * 50 + "a" * 100 + "\u0301" * 5)
def test_a_keyword_is_clean_and_cleaning_it_again_changes_nothing(text: str) -> None:
    keyword = normalise(text)
    if keyword is None:
        return
    assert normalise(keyword) == keyword
    assert 0 < len(keyword) <= MAX_CHARS
    assert keyword == keyword.strip()
    assert unicodedata.is_normalized("NFKC", keyword)
    for character in keyword:
        assert unicodedata.category(character)[0] != "C"
        assert unicodedata.category(character) not in ("So", "Sk")


@settings(max_examples=100, deadline=None)
@given(HOSTILE, st.lists(HOSTILE, max_size=3), HOSTILE)
def test_hostile_observations_give_keywords_or_nothing(
    query: str, tags: list[str], title: str
) -> None:
    for keyword in keywords_of(query, tags, title):
        assert normalise(keyword) == keyword


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("™㊙猫", "猫"),
        ("  猫  ", "猫"),
        ("Ｂ数\t没有\n", "B数 没有"),
        ("滑稽大佬😏", "滑稽大佬"),
        ("👨‍👩‍👧 一家", "一家"),
        ("笑\u202e翻", "笑翻"),
        ("❤️爱你", "爱你"),
        ("666", "666"),
        ("2333", "2333"),
        ("z\u0301\u0302\u0303\u0304\u0305algo", "ź\u0302\u0303algo"),
    ],
)
def test_a_keyword_keeps_what_it_says(text: str, keyword: str) -> None:
    assert normalise(text) == keyword


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "00042",
        "20230101_1200",
        "🐱🐱",
        "……!!",
        "d41d8cd98f00b204e9800998ecf8427e",
        "D41D8CD98F00B204E9800998ECF8427E",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "AgAD0wADlp-MDg",
        "IMG_2034",
        "mmexport1612345678901",
        "微信图片_20210101",
        "https://example.com/猫",
    ],
)
def test_noise_is_no_keyword(text: str) -> None:
    assert normalise(text) is None


@pytest.mark.parametrize(
    ("title", "keywords"),
    [
        ("滑稽大佬00005-菜刀-给你看看爸爸的厉害.gif", {"菜刀", "给你看看爸爸的厉害"}),
        ("Funny00001.gif", set()),
        ("抠鼻@2x.png", {"抠鼻"}),
        ("惊讶2", {"惊讶"}),
        ("惊讶(1).jpg", {"惊讶"}),
        ("wave-hello", {"wave-hello"}),
        ("d41d8cd98f00b204e9800998ecf8427e.webp", set()),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301.webp", set()),
        ("a <strong>黑猫</strong> &amp; dog", {"a 黑猫 & dog"}),
        ("我 <3 你", {"我 <3 你"}),
    ],
)
def test_a_title_gives_its_captions(title: str, keywords: set[str]) -> None:
    assert keywords_of(None, None, title) == keywords


def test_only_kept_stickers_carry_keywords_and_each_once() -> None:
    rows = [
        {"id": "a", "query": "猫", "tags": ["笑", None, "猫"], "title": "猫"},
        {"id": "a", "query": "狗", "tags": None, "title": None},
        {"id": "b", "query": "鸟", "tags": [], "title": None},
        {"id": "c", "query": None, "tags": None, "title": "00001.gif"},
    ]
    schema = pa.schema(
        [(name, pa.list_(pa.string()) if name == "tags" else pa.string()) for name in COLUMNS]
    )
    table = pa.Table.from_pylist(rows, schema=schema)
    carried = carried_keywords(table, pa.array(["c", None, "a"])).to_pylist()
    assert {row["sticker"] for row in carried} == {2}
    assert sorted(row["keyword"] for row in carried) == ["狗", "猫", "笑"]


def test_a_megabyte_of_ligatures_is_cut_short() -> None:
    start = time.process_time()
    keyword = normalise("\ufdfa" * 1_000_000)
    assert time.process_time() - start < 0.5
    assert keyword is not None
    assert len(keyword) <= MAX_CHARS
