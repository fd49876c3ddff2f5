"""Exact K-means for sparse vectors of length 1, which grows by some clusters at a time.

Lloyd's algorithm, less what can't change: a vector is compared with the centres that moved, and
with all of them only where its own moved so far away that a bound on the others fails. New
clusters are seeded by greedy k-means++ from the distances to the centres that stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.tags.vectors import Vectors

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]

MAX_ROUNDS = 300
# Centres of one dense block, and scores that are looked at together.
_BLOCK = 128
_SCORES = 1 << 20
# Below this squared distance a vector is its centre; the rest is rounding.
_SAME = 1e-6


@dataclass(frozen=True)
class _Group:
    """Vectors for a new cluster, their scores there, the squared length of its centre."""

    rows: Labels
    scores: Floats
    length: float
    saves: float


class KMeans:
    """Clusters of distinct vectors, at first a single one; none is ever empty.

    ``labels`` says each vector's cluster, ``inertia`` is the weighted sum of squared distances to
    the centres. A score is 2xc - cc: the nearest centre of x has the greatest.
    """

    def __init__(self, vectors: Vectors, seed: int, tolerance: float = 1e-6) -> None:
        self._matrix = vectors.matrix
        self._by_word = vectors.matrix.T.tocsr()
        self._single = vectors.matrix.astype(np.float32)
        self._weights = vectors.weights
        self._seed = seed
        self._tolerance = tolerance
        self.start(np.zeros(vectors.count, dtype=np.int32))

    def start(self, labels: Labels) -> None:
        """Begin from labels that an earlier run ended with."""
        self.labels = labels.copy()
        self.count = int(labels.max()) + 1
        self._centres: list[tuple[Labels, Singles]] = []
        self._lengths: Floats = np.empty(0)
        self._sizes: Floats = np.empty(0)
        self._extend()
        self._own: Singles = np.full(len(labels), np.inf, dtype=np.float32)
        # No other centre has a greater score than this.
        self._bound: Singles = np.full(len(labels), -np.inf, dtype=np.float32)
        # Clusters whose centres have moved since vectors were compared with them.
        self._moved: Ints = np.arange(self.count)
        self._settle()

    @property
    def inertia(self) -> float:
        """Weighted sum of squared distances: vectors are of length 1, centres are means."""
        return float(np.sum(self._sizes * (1 - self._lengths)))

    def grow(self, count: int) -> None:
        """Have ``count`` clusters, at most as many as there are vectors, and let them settle."""
        while self.count < count:
            self.count += 1
            self._extend()
            self._fill(self.count - 1, alone=False)
        self._refill()
        self._settle()

    def _settle(self) -> None:
        inertia = np.inf
        for _ in range(MAX_ROUNDS):
            self._update(self._moved)
            before, inertia = inertia, self.inertia
            if not len(self._moved) or before - inertia < self._tolerance * inertia:
                return
            self._moved = self._assign(self._moved)
            self._refill()
        self._update(self._moved)

    def _distances(self) -> Floats:
        """Squared distance of each vector to its centre."""
        distances = 1 - self._own.astype(np.float64)
        distances[distances < _SAME] = 0
        if not distances.any():
            # All are as good as their centres: any that isn't alone may leave.
            distances += (np.bincount(self.labels) > 1)[self.labels]
        return distances

    def _fill(self, cluster: int, *, alone: bool) -> None:
        """Draw some vectors by their share of the inertia; the one that saves most founds it.

        As greedy k-means++ does, but what a vector saves is what the group saves that it draws
        away: alone it would win nobody from a centre in the middle of many, whose length is 0.
        """
        distances = self._distances()
        mass = np.cumsum(self._weights * distances)
        # Each cluster draws from numbers of its own, however its number was reached.
        rng = np.random.default_rng((self._seed, self.count, cluster))
        drawn = rng.random(2 + int(np.log(self.count))) * mass[-1]
        seeds = np.unique(np.searchsorted(mass, drawn, side="right").clip(0, len(mass) - 1))
        products = self._matrix[seeds] @ self._by_word
        groups = []
        for place, seed in enumerate(seeds):
            near, alike = _row(products, place)
            own = (self._own[near] + self._lengths[self.labels[near]]) / 2
            drawn_away = near == seed if alone else (alike > own) | (near == seed)
            groups.append(self._group(near[drawn_away], distances))
        self._found(max(groups, key=lambda group: group.saves), cluster)

    def _group(self, rows: Labels, distances: Floats) -> _Group:
        members, weights = self._matrix[rows], self._weights[rows]
        mean = members.T @ weights / weights.sum()
        length = float(mean @ mean)
        saves = float(weights @ distances[rows] - weights.sum() * (1 - length))
        return _Group(rows, 2 * (members @ mean) - length, length, saves)

    def _found(self, group: _Group, cluster: int) -> None:
        """Let a group leave their clusters for another."""
        rows = group.rows
        self._bound[rows] = np.maximum(self._bound[rows], self._own[rows])
        left = np.unique(self.labels[rows])
        self._moved = np.union1d(self._moved, np.append(left, cluster)).astype(np.int64)
        self.labels[rows] = cluster
        self._own[rows] = group.scores
        self._lengths[cluster] = group.length

    def _refill(self) -> None:
        """Seed clusters that have lost all their vectors anew."""
        while len(empty := np.flatnonzero(np.bincount(self.labels, minlength=self.count) == 0)):
            self._fill(int(empty[0]), alone=True)

    def _extend(self) -> None:
        """Make room for the centres of new clusters."""
        more = self.count - len(self._centres)
        nothing = (self._matrix.indices[:0], self._single.data[:0])
        self._centres += [nothing] * more
        self._lengths = np.append(self._lengths, np.zeros(more))
        self._sizes = np.append(self._sizes, np.zeros(more))

    def _update(self, clusters: Ints) -> None:
        """Put the centres of these clusters into the mean of their vectors."""
        from scipy.sparse import csc_array

        place = np.full(self.count, -1)
        place[clusters] = np.arange(len(clusters))
        held = place[self.labels]
        rows = np.flatnonzero(held >= 0)
        weights, held = self._weights[rows], held[rows]
        sizes = np.bincount(held, weights, len(clusters))
        shape = (len(clusters), len(rows))
        member = csc_array((weights / sizes[held], held, np.arange(len(rows) + 1)), shape=shape)
        centres = (member.tocsr() @ self._matrix[rows]).tocsr()
        self._sizes[clusters] = sizes
        ends = centres.indptr
        squares = np.append(0.0, np.cumsum(centres.data**2))
        self._lengths[clusters] = squares[ends[1:]] - squares[ends[:-1]]
        values = centres.data.astype(np.float32)
        for number, cluster in enumerate(clusters.tolist()):
            span = slice(ends[number], ends[number + 1])
            self._centres[cluster] = (centres.indices[span], values[span])

    def _assign(self, moved: Ints) -> Ints:
        """Give each vector to its nearest centre when ``moved`` have; clusters that changed."""
        before, held = self._own, np.isin(self.labels, moved)
        own, best, label, second = self._compare(self._single, self.labels, moved)
        own = np.where(held, own, before)
        # Those that did not move were no nearer than its own was, or than the bound.
        limit = np.minimum(before, self._bound)
        unsure = np.flatnonzero(held & (np.maximum(own, best) < limit))
        if len(unsure):
            every = np.arange(self.count)
            found = self._compare(self._single[unsure], self.labels[unsure], every)
            own[unsure], best[unsure], label[unsure], second[unsure] = found
            self._bound[unsure] = -np.inf
        moves = best > own
        self._bound = np.maximum(self._bound, np.where(moves, np.maximum(second, own), best))
        self._own = np.where(moves, best, own)
        changed: Ints = np.union1d(self.labels[moves], label[moves]).astype(np.int64)
        self.labels[moves] = label[moves]
        return changed

    def _compare(
        self, matrix: Any, labels: Labels, clusters: Ints
    ) -> tuple[Singles, Singles, Labels, Singles]:
        """Score of each vector's own centre, the best of the others, which it is, the second.

        All among ``clusters``; minus infinity where there is none.
        """
        count = matrix.shape[0]
        own, best, second = (np.full(count, -np.inf, dtype=np.float32) for _ in range(3))
        label = np.full(count, -1, dtype=np.int32)
        place = np.full(self.count, -1)
        for start in range(0, len(clusters), _BLOCK):
            block = clusters[start : start + _BLOCK]
            place[:] = -1
            place[block] = np.arange(len(block))
            centres = self._dense(matrix.shape[1], block)
            lengths = self._lengths[block].astype(np.float32)
            step = _SCORES // len(block)
            for first in range(0, count, step):
                part = slice(first, first + step)
                scores = matrix[part] @ centres
                scores *= 2
                scores -= lengths
                _keep_best(
                    scores, place[labels[part]], block, own[part], best[part], label[part],
                    second[part],
                )  # fmt: skip
        return own, best, label, second

    def _dense(self, width: int, clusters: Ints) -> Singles:
        """Centres as columns."""
        dense = np.zeros((width, len(clusters)), dtype=np.float32)
        for column, cluster in enumerate(clusters.tolist()):
            words, values = self._centres[cluster]
            dense[words, column] = values
        return dense


def _row(matrix: Any, number: int) -> tuple[Labels, Floats]:
    """Columns and values of a row."""
    span = slice(matrix.indptr[number], matrix.indptr[number + 1])
    return matrix.indices[span], matrix.data[span]


def _keep_best(
    scores: Singles,
    held: Ints,
    block: Ints,
    own: Singles,
    best: Singles,
    label: Labels,
    second: Singles,
) -> None:
    """Enter a block's scores; ``held`` is the column of a vector's own centre, or -1."""
    rows = np.flatnonzero(held >= 0)
    own[rows] = scores[rows, held[rows]]
    scores[rows, held[rows]] = -np.inf
    every = np.arange(len(scores))
    columns = scores.argmax(axis=1)
    top = scores[every, columns]
    scores[every, columns] = -np.inf
    np.maximum(second, np.maximum(np.minimum(best, top), scores.max(axis=1)), out=second)
    better = top > best
    best[better] = top[better]
    label[better] = block[columns[better]]
