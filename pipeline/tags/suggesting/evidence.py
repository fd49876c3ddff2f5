"""How likely a keyword, or the text on a sticker, makes a tag: scores from 0 to 1.

The curves follow what held-out captions of real stickers gave: docs/tags.md says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tags.suggesting.combined import SOURCES
from pipeline.tags.suggesting.known import KnownTags, fold_words

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Found = tuple[Ints, Ints, Floats]
"""Places of texts, tags that they suggest, scores."""

BY_HAND = 0.95
LOOSE = 0.35
_NEAR = ((0.0, 0.2, 0.3, 0.4, 0.5, 0.6), (0.0, 0.3, 0.5, 0.65, 0.75, 0.85))
_SAID = ((0.0, 0.1, 0.3, 1.0), (0.0, 0.3, 0.6, 0.85))
_OF_KEYWORD = ((0.0, 0.35, 0.5, 0.7, 1.0), (0.1, 0.3, 0.6, 0.7, 0.8))
_SAYS_NAME = 0.5
_UNNAMED = 0.3
_ONE_CHARACTER = 0.4
_EQUAL_TEXT = 0.95


@dataclass(frozen=True)
class KeywordScores:
    """A score of each keyword for its own tag, 0 where it has none, and the source that it is.

    ``sources`` are places in SOURCES: ``keyword`` where it says the tag's name, or where people
    put it; ``cluster`` where nearness alone holds it there.
    """

    scores: Floats
    sources: Ints


def judge_keywords(known: KnownTags) -> KeywordScores:
    """How likely each keyword makes its tag."""
    owner = known.keyword_tags
    has_tag = (owner >= 0) & (owner < len(known.tags))
    cosines = known.space.own(known.words, np.where(has_tag, owner, -1))
    near = np.interp(cosines, *_OF_KEYWORD)
    says, equal = _says_name(known, has_tag)
    # A cluster that nobody named means its name and nothing else.
    near = np.where(says | known.named, near, near * _UNNAMED)
    scores = np.where(says, 1 - (1 - near) * (1 - _SAYS_NAME), near)
    scores = np.where(known.by_hand, np.maximum(scores, BY_HAND), scores)
    scores = np.where(equal, 1.0, scores)
    settled = known.named & ~known.fitted & (cosines >= LOOSE)
    speaks = says | settled | known.by_hand
    sources = np.where(speaks, SOURCES.index("keyword"), SOURCES.index("cluster"))
    return KeywordScores(np.where(has_tag, scores, 0.0), sources)


def _says_name(
    known: KnownTags, has_tag: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    says, equal = np.zeros(len(has_tag), np.bool_), np.zeros(len(has_tag), np.bool_)
    keywords = known.keywords.filter(pa.array(has_tag)).to_pylist()
    words = known.words.filter(pa.array(has_tag)).to_pylist()
    for place, keyword, said in zip(np.flatnonzero(has_tag), keywords, words, strict=True):
        tag = known.keyword_tags[place]
        equal[place] = tag in known.names.equal(keyword)
        says[place] = equal[place] or any(tag == found for found, _, _ in known.names.within(said))
    return says, equal


@dataclass(frozen=True)
class Texts:
    """Judges texts on stickers: how likely they make which tags."""

    known: KnownTags
    keyword_scores: Floats
    idf: Mapping[str, float]

    @classmethod
    def of(cls, known: KnownTags, keyword_scores: Floats) -> Texts:
        """The judge for tags whose keywords have these scores."""
        words = known.space.words.to_pylist()
        return cls(known, keyword_scores, dict(zip(words, known.space.idf.tolist(), strict=True)))

    def judge(self, texts: Sequence[str], tokens: Sequence[Sequence[str]]) -> Found:
        """Tags that each text suggests; ``tokens`` are its words.

        A text that is one of the keywords counts as that keyword. Any other suggests the tags
        whose names it says, the less the more it says besides, and the tag that it is nearest to.
        """
        words = fold_words(pa.array(tokens, pa.list_(pa.string())))
        same = pc.index_in(pa.array(texts, pa.string()), value_set=self.known.keywords)
        tags, cosines = self.known.space.nearest(words)
        nearest = zip(tags.tolist(), np.interp(cosines, *_NEAR).tolist(), strict=True)
        rows: list[int] = []
        found: list[int] = []
        scores: list[float] = []
        each = zip(texts, words.to_pylist(), same.to_pylist(), nearest, strict=True)
        for row, (text, said, keyword, near) in enumerate(each):
            likely = self._one(text, said, keyword, near)
            rows += [row] * len(likely)
            found += likely
            scores += likely.values()
        return np.array(rows, np.int64), np.array(found, np.int64), np.array(scores, np.float64)

    def _one(
        self, text: str, words: Sequence[str], keyword: int | None, near: tuple[int, float]
    ) -> dict[int, float]:
        known = self.known
        score = _EQUAL_TEXT if len(text.strip()) > 1 else _ONE_CHARACTER
        likely = dict.fromkeys(known.names.equal(text), score)
        if keyword is not None:
            # What people dropped suggests nothing, whatever it says besides.
            tag = int(known.keyword_tags[keyword])
            return likely | ({tag: score * self.keyword_scores[keyword]} if known.has(tag) else {})
        if sum(map(len, words)) < 2:
            return likely
        found = [near, *self._said(words)]
        for tag, score in found:
            # Of a tag that is one character, most texts speak by accident.
            if known.has(tag) and tag not in known.names.short:
                likely[tag] = max(score, likely.get(tag, 0.0))
        return likely

    def _said(self, words: Sequence[str]) -> Iterator[tuple[int, float]]:
        """Tags whose names are among the words, by the share of all that is said."""
        weights = [self.idf.get(word, self.known.space.unseen) for word in words]
        for tag, begin, end in self.known.names.within(words):
            share = sum(weights[begin:end]) / sum(weights)
            yield tag, float(np.interp(share, *_SAID))
