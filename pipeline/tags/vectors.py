"""TF-IDF vectors of segmented keywords (StickerTAG section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Vectors:
    """Distinct TF-IDF vectors, each as often as keywords have it.

    ``matrix`` is sparse (CSR), one row of length 1 for each direction that a bag of words has;
    ``weights`` counts its keywords; ``rows`` gives each keyword's row, -1 where no word is left.
    """

    matrix: Any
    weights: Floats
    rows: Ints

    @property
    def count(self) -> int:
        return len(self.weights)


@dataclass(frozen=True)
class _Bags:
    """How often each keyword has each word: three columns by keyword, then word."""

    keywords: Ints
    words: Ints
    counts: Ints


def vectorise(tokens: pa.ListArray, min_df: int) -> Vectors:
    """Vectors of keywords that share at least one word with ``min_df`` keywords.

    As scikit-learn's TfidfVectorizer has them, but each distinct one once. Their order is that of
    their words, so the order of the keywords changes nothing.
    """
    from scipy.sparse import csr_array

    bags, width = _count_words(tokens, min_df)
    starts = np.flatnonzero(np.diff(bags.keywords, prepend=-1))
    frequencies = np.bincount(bags.words, minlength=width)
    rarity = rarity_of(len(starts), frequencies)
    distinct, row_of, weights = _distinct(bags, starts, width)
    rows = np.full(len(tokens), -1, dtype=np.int64)
    rows[bags.keywords[starts]] = row_of
    values = distinct.counts * rarity[distinct.words]
    ends = np.flatnonzero(np.diff(distinct.keywords, prepend=-1))
    lengths = np.sqrt(np.add.reduceat(values**2, ends)) if len(ends) else values
    values = values / lengths[distinct.keywords]
    # 32 bits number words and entries: what multiplies these matrices would copy wider ones.
    pointers = np.append(ends, len(values)).astype(np.int32)
    columns = distinct.words.astype(np.int32)
    matrix = csr_array((values, columns, pointers), shape=(len(weights), width))
    return Vectors(matrix, weights, rows)


def rarity_of(keywords: int, having: Ints) -> Floats:
    """Weight of words that so many of the keywords have: scikit-learn's smooth IDF."""
    rarity: Floats = np.log((1 + keywords) / (1 + having)) + 1
    return rarity


def _count_words(tokens: pa.ListArray, min_df: int) -> tuple[_Bags, int]:
    """Words of each keyword that ``min_df`` keywords share, numbered by the alphabet."""
    parents = pc.list_parent_indices(tokens).to_numpy()
    encoded = pc.list_flatten(tokens).dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    number_of = np.empty(len(order), dtype=np.int64)
    number_of[order] = np.arange(len(order))
    width = max(1, len(order))
    pairs = parents.astype(np.int64) * width + number_of[encoded.indices.to_numpy()]
    pairs, counts = np.unique(pairs, return_counts=True)
    keywords, words = pairs // width, pairs % width
    shared = np.bincount(words, minlength=width) >= min_df
    kept = shared[words]
    renumbered = np.cumsum(shared) - 1
    bags = _Bags(keywords[kept], renumbered[words[kept]], counts[kept].astype(np.int64))
    return bags, int(shared.sum())


def _distinct(bags: _Bags, starts: Ints, width: int) -> tuple[_Bags, Ints, Floats]:
    """Different directions of bags, the row of each bag, and how many bags each row has."""
    lengths = np.diff(starts, append=len(bags.words))
    row_of = np.empty(len(starts), dtype=np.int64)
    found: list[_Bags] = []
    weights: list[Ints] = []
    total = 0
    if len(starts):
        # A word said twice points where it points when said once.
        shared = np.gcd.reduceat(bags.counts, starts)
        counts = bags.counts // np.repeat(shared, lengths)
        codes = bags.words + width * counts
    for length in np.unique(lengths):
        at = np.flatnonzero(lengths == length)
        block = codes[starts[at][:, None] + np.arange(length)]
        rows, inverse, times = np.unique(block, axis=0, return_inverse=True, return_counts=True)
        row_of[at] = total + inverse.ravel()
        numbers = np.repeat(np.arange(total, total + len(rows)), length)
        found.append(_Bags(numbers, rows.ravel() % width, rows.ravel() // width))
        weights.append(times)
        total += len(rows)
    none = np.empty(0, dtype=np.int64)
    joined = (
        np.concatenate([none, *(getattr(bag, name) for bag in found)])
        for name in ("keywords", "words", "counts")
    )
    return _Bags(*joined), row_of, np.concatenate([none, *weights]).astype(np.float64)
