import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.segment import MAX_TOKEN_CHARS, Segmenter, _tokenizer, open_segmenter
from pipeline.tags.words import STICKER_WORDS, read_dictionary, read_reactions


@pytest.fixture(scope="module")
def segment() -> Segmenter:
    return open_segmenter(read_dictionary(STICKER_WORDS), read_reactions())


@pytest.mark.parametrize(
    ("keyword", "words"),
    [
        ("打工人无语表情包滑稽摸鱼", ["打工人", "无语", "表情包", "滑稽", "摸鱼"]),
        ("没点b数", ["没点", "b数"]),
        ("你没点B数", ["没点", "b数"]),
        ("猫", ["猫"]),
        ("猫笑", ["猫", "笑"]),
        ("哈哈哈哈哈哈", ["哈哈"]),
        ("我的天", ["天"]),
        ("什么?", ["什么"]),
        ("HAPPY Cat", ["happy", "cat"]),
        ("don’t stop", ["stop"]),
        ("666 yyds", ["666", "yyds"]),
        ("2020年3月", []),
        ("ありがとう猫", ["ありがとう", "猫"]),
        ("고양이 안녕", ["고양이", "안녕"]),
        ("привет", ["привет"]),
        ("नमस्ते", ["नमस्ते"]),
        ("café", ["café"]),
        ("的了我们", []),
        ("ab" * MAX_TOKEN_CHARS, []),
    ],
)
def test_a_keyword_is_cut_into_the_words_that_people_read(
    segment: Segmenter, keyword: str, words: list[str]
) -> None:
    assert segment(keyword) == words


def test_without_our_dictionary_slang_falls_apart(segment: Segmenter) -> None:
    bare = open_segmenter((), read_reactions())
    assert bare("打工人") != ["打工人"]
    assert segment("打工人") == ["打工人"]


def test_the_order_of_the_dictionary_changes_nothing() -> None:
    words = read_dictionary(STICKER_WORDS)
    assert _tokenizer(words[::-1]).FREQ == _tokenizer(words).FREQ


@settings(max_examples=100, deadline=None)
@given(keyword=st.text(max_size=40))
def test_words_are_lower_case_and_say_something(segment: Segmenter, keyword: str) -> None:
    for word in segment(keyword):
        assert word == word.lower()
        assert any(character.isalpha() for character in word) or word.isdigit()
        assert not (len(word) == 1 and word.isascii())
