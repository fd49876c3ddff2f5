"""Languages, and quotes that OCR can't confirm."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.machine.checks import speaks, stands_in, unread_quotes

ENGLISH = [
    "A cat.",
    "Pikachu",
    "Cartoon cat smiling happily, eyes closed, cheeks pink, tail swinging, ears twitching",
    "Cartoon cat, de facto king of the sofa",
    "A chibi-style kawaii girl with a café sign",
    "A cat says '你好吗朋友们'",
    "A cat says “你好吗朋友们” and waves",
    "A man in a suit shouts 'It's OK!'",
]
CHINESE = [
    "一只猫",
    "一只可爱的cat在跳舞",
    "小猫说“Hello my friend how are you”",
    "可爱の小猫在床上睡觉很香甜",
]
NEITHER = [
    "Un chat qui dort sur un lit",
    "Eine Katze schläft auf dem Bett und lacht",
    "El gato está saltando en la cama",
    "Una gatta che dorme sul divano con gli occhi chiusi",
    "O gato está dormindo em uma cama",
    "Een kat slaapt op het bed",
    "Seekor kucing kartun yang sedang tertawa dengan mata tertutup",
    "Кот спит на диване",
    "猫がジャンプしている",
    "今日東京都内大型犬登場だよね",
    "고양이가 뛴다",
    "🙂🙂",
    "12345",
    "...",
]


@pytest.mark.parametrize("text", ENGLISH)
def test_english_is_english_alone(text: str) -> None:
    assert speaks(text, "en")
    assert not speaks(text, "zh")


@pytest.mark.parametrize("text", CHINESE)
def test_chinese_is_chinese_alone(text: str) -> None:
    assert speaks(text, "zh")
    assert not speaks(text, "en")


@pytest.mark.parametrize("text", NEITHER)
def test_other_languages_and_no_language_are_neither(text: str) -> None:
    assert not speaks(text, "en")
    assert not speaks(text, "zh")


def test_a_text_of_two_languages_is_that_of_most_of_it() -> None:
    assert not speaks("The image shows 一只猫在跳舞", "en")
    assert not speaks("标题：A cat waves its tail at the moon", "zh")


def test_what_is_all_quoted_speaks_against_no_language() -> None:
    assert speaks("“你好”", "en")
    assert speaks('"HELLO" "YOU"', "zh")


@pytest.mark.parametrize(
    ("text", "read", "unread"),
    [
        ('A cat with "hello"', "HELLO", []),
        ('A cat with "hello"', "", ["hello"]),
        ("the text 'OK' on it", "", ["OK"]),
        ("the text 'It's OK' on it", "its ok", []),
        ("the text 'It's OK' on it", "", ["It's OK"]),
        ("it's a cat's tail, isn't it", "", []),
        ("the cats' eyes and the dogs' tails", "", []),
        ("says ‘It’s OK’", "", ["It’s OK"]),
        ("写着‘你好’", "", ["你好"]),
        ("写着'你好'的牌子", "", ["你好"]),
        ("「早安」", "早 安", []),
        ("„Hallo“ steht da", "", ["Hallo"]),
        ('"one" and “two” and «three»', "two", ["one", "three"]),
        ("“good morning”", "GOOD M0RNING", []),
        ("“hello world”", "WORLD HELLO", []),
        ("“good night”", "good morning", ["good night"]),
        ('"!!!" and "❤"', "", []),
        ('making an "OK" gesture', "", []),
        ("比出“V”字手势，写着“胜利”", "", ["胜利"]),
        ('a 5" tall cat', "", []),
        ("“unbalanced and '", "", []),
        ('"ａｂｃ"', "ABC", []),
    ],
)
def test_quotes_that_nobody_can_read(text: str, read: str, unread: list[str]) -> None:
    assert unread_quotes(text, read) == unread


def test_letters_scattered_over_a_long_text_are_no_quote_of_it() -> None:
    read = "the quick brown fox jumps over the lazy dog"
    assert stands_in("quick brown f0x", read)
    assert not stands_in("hold my door", read)


@given(st.text(), st.text(), st.text())
def test_what_ocr_read_is_never_unread(before: str, quote: str, after: str) -> None:
    assert stands_in(quote, before + quote + after) or not quote.isascii()
    assert stands_in(quote, quote)


@given(st.text("'\"“”‘’「」ab 的\n"))
def test_any_quotes_are_taken_apart(text: str) -> None:
    assert unread_quotes(text, text) == []
    assert speaks(text, "en") in (True, False)


@pytest.mark.parametrize(
    "unit", ['"', "'", "‘", "a' ", "'a", "“a", "“ab”", "a ", "的", "é", "\ud83d"]
)
def test_hostile_texts_take_no_longer_than_long_ones(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    began = time.process_time()
    speaks(text, "en"), speaks(text, "zh")
    (
        unread_quotes(text, "ab" * 50_000),
        stands_in(text, "ab" * 50_000),
        stands_in("ab" * 50_000, text),
    )
    assert time.process_time() - began < 3
