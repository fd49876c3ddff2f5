import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tags.fast_cut import FastCutter
from pipeline.tags.segment import _tokenizer
from pipeline.tags.words import STICKER_WORDS, read_dictionary

CAPTIONS = Path(__file__).parents[4] / "shared/keywords/sticker_captions.tsv"


@pytest.fixture(scope="module")
def jieba() -> Any:
    return _tokenizer(read_dictionary(STICKER_WORDS))


@pytest.fixture(scope="module")
def fast(jieba: Any) -> FastCutter:
    return FastCutter(jieba)


def chinese() -> st.SearchStrategy[str]:
    """Words of our dictionary and characters of any kind beside each other."""
    words = st.sampled_from(read_dictionary(STICKER_WORDS))
    common = st.sampled_from("我去你的一是了不在有人这来大个上中到说们为写代码笑死猫狗儿得地")
    rare = st.characters(min_codepoint=0x3400, max_codepoint=0x9FFF)
    others = st.sampled_from("aB1.'-+# \ue000かナ〇\u9fd5\u9fd6")
    return st.lists(words | common | common | rare | others, max_size=12).map("".join)


@settings(max_examples=400, deadline=None)
@given(text=chinese())
def test_any_text_is_cut_as_jieba_cuts_it(jieba: Any, fast: FastCutter, text: str) -> None:
    assert list(fast.cut(text)) == list(jieba.cut(text))


def test_every_word_of_the_dictionaries_is_cut_as_jieba_cuts_it(
    jieba: Any, fast: FastCutter
) -> None:
    words = sorted(word for word, count in jieba.FREQ.items() if count)
    # Each third word with its neighbour in another order, so that words meet that never do.
    texts = [one + other for one, other in zip(words[::30], words[::-30], strict=True)]
    assert len(texts) > 10_000
    assert list(different(jieba, fast, texts)) == []


def test_real_captions_are_cut_as_jieba_cuts_them(jieba: Any, fast: FastCutter) -> None:
    if not CAPTIONS.exists():
        pytest.skip(f"{CAPTIONS} is not here: the real captions are not part of the project")
    with CAPTIONS.open(encoding="utf-8") as file:
        captions = [row["caption"] for row in csv.DictReader(file, delimiter="\t")]
    assert list(different(jieba, fast, captions)) == []


def test_frequencies_of_added_words_decide_as_in_jieba(fast: FastCutter) -> None:
    # With rjieba's own total it would be 我|去: we added a word that jieba had.
    assert list(fast.cut("我去抗跌性")) == ["我去", "抗跌性"]


def different(jieba: Any, fast: FastCutter, texts: list[str]) -> Iterator[str]:
    return (text for text in texts if list(fast.cut(text)) != list(jieba.cut(text)))
