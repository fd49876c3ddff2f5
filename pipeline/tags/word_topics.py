"""Words whose vectors would save most in a cluster of their own.

The texts of a topic mostly share a word. Where two topics still are one cluster, a vector drawn by
chance is seldom one of theirs, but what each word would save can be told of all words at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.tags.nearest import Labels, Singles
from pipeline.tags.vectors import Floats

# Words that are tried for each new cluster.
_TRIED = 3
_ROUNDING = 1e-6


class WordTopics:
    """About what each word's vectors would save, had they a centre of their own.

    The centre is taken to be the mean of that word alone. A vector stays out of it where its score
    (2xc - cc, see KMeans) at the centre that it has is greater. ``by_word`` is ``matrix``
    transposed.
    """

    def __init__(self, matrix: Any, by_word: Any, weights: Floats) -> None:
        self._matrix, self._by_word, self._weights = matrix, by_word, weights
        held = weights[by_word.indices]
        words = np.repeat(np.arange(len(by_word.indptr) - 1), np.diff(by_word.indptr))
        # Each word's mean over the vectors that have it.
        sums = np.bincount(words, held * by_word.data)
        self._means: Floats = sums / np.bincount(words, held)

    def weigh(self, own: Singles) -> None:
        """Take up what each vector scores at its own centre."""
        self._own = own.astype(np.float64)
        self._saved = self._savings(self._matrix, self._weights, self._own)

    def update(self, rows: Labels, own: Singles) -> None:
        """Take up that these vectors score otherwise now."""
        part, weights, now = self._matrix[rows], self._weights[rows], own[rows].astype(np.float64)
        self._saved += self._savings(part, weights, now)
        self._saved -= self._savings(part, weights, self._own[rows])
        self._own[rows] = now

    def best(self) -> list[Labels]:
        """The vectors that would leave their clusters, for each of the words that save most."""
        tried = min(_TRIED, len(self._saved))
        least = max(np.partition(self._saved, -tried)[-tried], _ROUNDING)
        words = np.flatnonzero(self._saved >= least)
        words = words[np.argsort(-self._saved[words], kind="stable")][:tried]
        return [self._leaving(word) for word in words.tolist()]

    def _leaving(self, word: int) -> Labels:
        span = slice(self._by_word.indptr[word], self._by_word.indptr[word + 1])
        rows, mean = self._by_word.indices[span], self._means[word]
        leaving = mean * (2 * self._by_word.data[span] - mean) > self._own[rows]
        left: Labels = rows[leaving]
        return left

    def _savings(self, part: Any, weights: Floats, own: Floats) -> Floats:
        lengths, means = np.diff(part.indptr), self._means[part.indices]
        gained = means * (2 * part.data - means) - np.repeat(own, lengths)
        gained = np.repeat(weights, lengths) * np.maximum(gained, 0)
        # Without entries bincount would count in whole numbers.
        saved: Floats = np.bincount(part.indices, gained, len(self._means)).astype(np.float64)
        return saved
