"""Words of a keyword: jieba with a dictionary for stickers, stop words left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any

from pipeline.engine.chinese_words import HAN, open_tokenizer
from pipeline.tags.fast_cut import FastCutter
from pipeline.tags.keywords import is_slang_number
from pipeline.tags.words import stop_words

MAX_TOKEN_CHARS = 32

_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")

Segmenter = Callable[[str], list[str]]


def open_segmenter(words: Iterable[str], reactions: Collection[str]) -> Segmenter:
    """Load jieba's dictionary and ``words``; the segmenter maps a keyword to its words in order.

    Stop words (other than ``reactions``), punctuation and bare numbers are left out, one-character
    words are kept, Latin is in lower case, and stretched characters count twice at most
    (哈哈哈哈 is 哈哈).
    """
    tokenizer = _cutter(tuple(words))
    stopped = stop_words(reactions)

    def segment(keyword: str) -> list[str]:
        tokens = (token.lower().strip("'") for token in _split(tokenizer, _squeeze(keyword)))
        return [token for token in tokens if _says_something(token) and token not in stopped]

    return segment


@lru_cache(maxsize=1)
def _cutter(words: tuple[str, ...]) -> FastCutter:
    # Two steps of one command open the same words, each in about a second.
    return FastCutter(_tokenizer(words))


def _tokenizer(words: Iterable[str]) -> Any:
    tokenizer = open_tokenizer()
    squeezed = {_squeeze(word) for word in words}
    # Each word's frequency depends on the words before it, hence the fixed order.
    for word in sorted(squeezed | {word.lower() for word in squeezed}):
        tokenizer.add_word(word)
    return tokenizer


def _split(tokenizer: FastCutter, keyword: str) -> Iterator[str]:
    for is_word, characters in groupby(keyword.replace("’", "'"), _is_word_character):
        chunk = "".join(characters)
        if is_word:
            yield from _cut(tokenizer, chunk) if HAN.search(chunk) else (chunk,)


def _cut(tokenizer: FastCutter, chunk: str) -> Iterator[str]:
    # jieba knows Chinese and ASCII; it would cut kana, Hangul and Cyrillic into letters.
    for is_known, characters in groupby(chunk, lambda c: c.isascii() or bool(HAN.match(c))):
        run = "".join(characters)
        yield from tokenizer.cut(run) if is_known else (run,)


def _is_word_character(character: str) -> bool:
    return character == "'" or unicodedata.category(character)[0] in "LMN"


def _says_something(token: str) -> bool:
    if len(token) > MAX_TOKEN_CHARS or (len(token) == 1 and token.isascii()):
        return False
    return is_slang_number(token) or any(character.isalpha() for character in token)


def _squeeze(text: str) -> str:
    return _STRETCHED.sub(r"\1\1", text)
