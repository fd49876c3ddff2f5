"""TF-IDF vectors of segmented keywords (StickerTAG section 3.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Vectors:
    """Distinct TF-IDF vectors, each as often as keywords have it.

    ``matrix`` is sparse, one row of length 1 for each distinct bag of words; ``weights`` counts
    its keywords; ``rows`` gives each keyword's row, None where no word was left.
    """

    matrix: Any
    weights: Floats
    rows: tuple[int | None, ...]

    @property
    def count(self) -> int:
        return len(self.weights)


def vectorise(tokens: Sequence[Sequence[str]], min_df: int) -> Vectors:
    """Vectors of keywords that share at least one word with ``min_df`` keywords.

    Distinct rows are in the order of their words, so the order of the keywords changes nothing.
    """
    frequencies = Counter(word for words in tokens for word in set(words))
    bags = [tuple(sorted(w for w in words if frequencies[w] >= min_df)) for words in tokens]
    counts = Counter(bag for bag in bags if bag)
    distinct = sorted(counts)
    row_of = {bag: row for row, bag in enumerate(distinct)}
    return Vectors(
        matrix=_tfidf(distinct, counts) if distinct else None,
        weights=np.array([counts[bag] for bag in distinct], dtype=np.float64),
        rows=tuple(row_of.get(bag) for bag in bags),
    )


def _tfidf(distinct: Sequence[tuple[str, ...]], counts: Counter[tuple[str, ...]]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    # The default pattern would drop one-character words (猫, 笑); the words are split already.
    vectorizer = TfidfVectorizer(analyzer=list, dtype=np.float64)
    vectorizer.fit([bag for bag in distinct for _ in range(counts[bag])])
    return vectorizer.transform(distinct)
