from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.bqb import Theme, is_category, name_parts, theme_of

FUNNY = theme_of("001Funny_滑稽大佬😏BQB")


@pytest.mark.parametrize(
    ("category", "keyword"),
    [
        ("001Funny_滑稽大佬😏BQB", "滑稽大佬"),
        ("015Golden_Curator_Panda金馆长熊猫🐼BQB", "金馆长熊猫"),
        ("034WhiteVillain_白色小人👶🏻BQB", "白色小人"),
        ("029Pigeon_鸽子🕊BQB", "鸽子"),
        ("048SpongeBob_海绵宝宝BQB", "海绵宝宝"),
        ("043Doge_狗头doge🐶BQB", "狗头doge"),
        ("052Big_Meme🐶BQB", "Big Meme"),
        ("Set667", "Set667"),
        ("001😏BQB", None),
    ],
)
def test_the_keyword_of_a_category(category: str, keyword: str | None) -> None:
    assert theme_of(category).keyword == keyword


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("滑稽大佬00012-鼓掌.gif", ["鼓掌"]),
        ("滑稽大佬00012-鼓掌-开心-鼓掌.gif", ["鼓掌", "开心"]),
        ("滑稽大佬00012.gif", []),
        ("滑稽大佬9.gif", []),
        ("Funny00023.gif", []),
        ("6af89bc8gw1f8qwkz4o7pg206o06o7wh.gif", []),
        ("d41d8cd98f00b204e9800998ecf8427e.jpg", []),
        ("webwxgetmsgimg-49.jpg", []),
        ("鸽", ["鸽"]),
        ("万恶vtb", ["万恶vtb"]),
        ("00001-hello world.gif", ["hello world"]),
        ("-.gif", []),
        ("", []),
    ],
)
def test_what_a_name_says(name: str, parts: list[str]) -> None:
    assert name_parts(name, FUNNY) == parts


def test_only_numbered_bqb_folders_are_categories() -> None:
    assert is_category("001Funny_滑稽大佬😏BQB")
    assert not is_category("罗小黑")
    assert not is_category("Set667")


@settings(max_examples=150)
@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_is_read(category: str, name: str) -> None:
    theme = theme_of(category)
    assert isinstance(theme, Theme)
    parts = name_parts(name, theme)
    assert len(parts) == len(set(parts))
    assert all(parts)


def test_long_numbers_cost_no_more_than_other_names() -> None:
    name = "猫" + "1" * 200_000 + "x"
    started = time.process_time()
    assert name_parts(name, FUNNY) == [name]
    assert time.process_time() - started < 2
