"""The statistics of the papers, counted while rows are written: words, lengths, trigger words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.chinese_words import HAN, open_tokenizer
from pipeline.engine.columns import entries
from pipeline.engine.counting import count_values

SAMPLE = 20_000
"""Chinese captions that are cut into words, which takes time; the others are left out."""

# Arrow's, which takes time in proportion to the text.
_LATIN_BREAKS = "[^a-z0-9']+"
_LONGEST_WORD = 32


@dataclass
class TextStatistics:
    """Texts of a column: how many, their length in words or characters, and their words."""

    texts: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    cut: int = 0


@dataclass
class Statistics:
    """Counts over rows of a release that the papers plot, beside those of the card.

    English words are those between anything but letters, digits and apostrophes (VSD2M, figure 4
    c and d); Chinese ones are jieba's, of a sample that depends on the ids alone. Chinese lengths
    are characters.
    """

    rows: int = 0
    trigger_words: Counter[str] = field(default_factory=Counter)
    captions: dict[str, TextStatistics] = field(
        default_factory=lambda: {"en": TextStatistics(), "zh": TextStatistics()}
    )
    animated: Counter[bool] = field(default_factory=Counter)
    with_ocr: int = 0
    emotions: Counter[str] = field(default_factory=Counter)
    styles: Counter[str] = field(default_factory=Counter)

    def add_rows(self, rows: pa.Table) -> None:
        """Count rows of the release; ``rows`` of the whole says how many are cut into words."""
        self.trigger_words.update(count_values(entries(rows["trigger_words"])[1]))
        self.animated.update(count_values(rows["animated"]))
        self.with_ocr += pc.sum(pc.greater(pc.utf8_length(rows["ocr_text"]), 0)).as_py() or 0
        self.emotions.update(count_values(rows["emotion"]))
        self.styles.update(count_values(rows["style_class"]))
        _add_english(self.captions["en"], pc.drop_null(rows["caption_en"]))
        _add_chinese(self.captions["zh"], rows, self.rows)


def _add_english(found: TextStatistics, texts: pa.ChunkedArray) -> None:
    found.texts += len(texts)
    found.cut += len(texts)
    rows, words = entries(pc.split_pattern_regex(pc.utf8_lower(texts), _LATIN_BREAKS))
    said = pc.not_equal(pc.utf8_trim(words, "'"), "")
    lengths = np.bincount(rows[said.to_numpy(False)], minlength=len(texts))
    found.lengths.update(count_values(pa.array(lengths)))
    for word, count in count_values(words.filter(said)).items():
        _add_words(found, (word,), count)


def _add_chinese(found: TextStatistics, rows: pa.Table, whole: int) -> None:
    rows = rows.filter(pc.is_valid(rows["caption_zh"]))
    found.texts += len(rows)
    found.lengths.update(count_values(pc.utf8_length(rows["caption_zh"])))
    if whole > SAMPLE:  # ids are as good as chance, and the same in every build
        bound = f"{(1 << 64) * SAMPLE // whole:016x}"
        rows = rows.filter(pc.less(rows["id"], bound))
    found.cut += len(rows)
    for text, count in count_values(rows["caption_zh"]).items():
        if HAN.search(text):
            _add_words(found, _tokenizer().cut(text), count)


def _add_words(found: TextStatistics, words: Iterable[str], count: int) -> None:
    for word in words:
        if 1 < len(word) <= _LONGEST_WORD and word not in _stop_words() and _is_word(word):
            found.words[word] += count


def _is_word(word: str) -> bool:
    return any(sign.isalpha() for sign in word)


@cache
def _tokenizer() -> Any:
    return open_tokenizer()


@cache
def _stop_words() -> frozenset[str]:
    import stopwordsiso

    return frozenset(word.lower() for word in stopwordsiso.stopwords(["zh", "en"]))
