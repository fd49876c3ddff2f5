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

from pipeline.tags.nearest import Best, Labels, Singles
from pipeline.tags.vectors import Vectors
from pipeline.tags.word_topics import WordTopics

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_ROUNDS = 300
# Of so many clusters one more is made and given up again.
SURPLUS = 10
# Clusters whose loss is looked at together, where one is given up.
_TOGETHER = 16
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
        self._topics = WordTopics(self._matrix, self._by_word, self._weights)
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
        """Have ``count`` clusters, at most as many as there are vectors, and let them settle.

        Some more are made, and those given up again that are missed least: growth alone would
        keep two topics in a cluster and one topic in two for ever.
        """
        leap = count - self.count
        # Steps of one start from what the leap before them got right.
        surplus = max(leap // 2, count // SURPLUS) if leap > 1 else 1
        most = min(count + surplus, len(self.labels))
        self._topics.weigh(self._own)
        while self.count < most:
            self.count += 1
            self._extend()
            self._fill(self.count - 1, alone=False)
        self._refill()
        self._settle()
        if self.count > count:
            while self.count > count:
                self._give_up_one()
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
        Vectors that share a word are such groups too.
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
        if not alone:
            groups += [self._group(rows, distances) for rows in self._topics.best()]
        founders = max(groups, key=lambda group: group.saves)
        self._found(founders, cluster)
        if not alone:
            self._topics.update(founders.rows, self._own)

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

    def _give_up_one(self) -> None:
        """Remove the cluster whose vectors lose least when they go to their next best."""
        losses = self._weights * (self._own - self._bound)
        missed = np.bincount(self.labels, losses, self.count)
        exact = np.zeros(self.count, dtype=bool)
        while not exact[cluster := int(missed.argmin())]:
            # A bound may be loose: the loss is at least what it says.
            least = np.argsort(missed, kind="stable")[:_TOGETHER]
            rows = np.flatnonzero(np.isin(self.labels, least))
            best = self._compare(np.arange(self.count), rows)
            self._bound[rows] = best.score
            lost = self._weights[rows] * (self._own[rows] - best.score)
            missed[least] = np.bincount(self.labels[rows], lost, self.count)[least]
            exact[least] = True
        rows = np.flatnonzero(self.labels == cluster)
        best = self._compare(np.arange(self.count), rows)
        self.labels[rows], self._own[rows], self._bound[rows] = best.label, best.score, best.second
        self._moved = np.union1d(self._moved, best.label).astype(np.int64)
        self._renumber(self.count - 1, cluster)

    def _renumber(self, last: int, free: int) -> None:
        """Give the last cluster a number that is free."""
        self.labels[self.labels == last] = free
        moved = self._moved[self._moved != free]
        self._moved = np.unique(np.where(moved == last, free, moved))
        self._moved = self._moved[self._moved < last]
        self._centres[free] = self._centres[last]
        del self._centres[last]
        for values in (self._lengths, self._sizes):
            values[free] = values[last]
        self._lengths, self._sizes = self._lengths[:last], self._sizes[:last]
        self.count = last

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
        new = self._compare(moved)
        own = np.where(held, new.own, before)
        # Those that did not move were no nearer than its own was, or than the bound.
        limit = np.minimum(before, self._bound)
        unsure = np.flatnonzero(held & (np.maximum(own, new.score) < limit))
        if len(unsure):
            exact = self._compare(np.arange(self.count), unsure)
            new.score[unsure], new.label[unsure] = exact.score, exact.label
            new.second[unsure] = exact.second
            self._bound[unsure] = -np.inf
        moves = new.score > own
        others = np.where(moves, np.maximum(new.second, own), new.score)
        self._bound = np.maximum(self._bound, others)
        self._own = np.where(moves, new.score, own)
        changed: Ints = np.union1d(self.labels[moves], new.label[moves]).astype(np.int64)
        self.labels[moves] = new.label[moves]
        return changed

    def _compare(self, clusters: Ints, rows: Ints | None = None) -> Best:
        """Scores of all vectors, or of these ``rows``, among ``clusters``."""
        matrix, labels, width = self._single, self.labels, self._single.shape[1]
        place = np.arange(width)
        if rows is not None:
            # Only their own words count.
            matrix, labels = matrix[rows], labels[rows]
            used = np.zeros(width, dtype=bool)
            used[matrix.indices] = True
            place, width = np.where(used, np.cumsum(used) - 1, -1), int(used.sum())
            words = place[matrix.indices].astype(np.int32)
            matrix = type(matrix)((matrix.data, words, matrix.indptr), (len(rows), width))
        best = Best.of(len(labels))
        column = np.full(self.count, -1)
        for start in range(0, len(clusters), _BLOCK):
            block = clusters[start : start + _BLOCK]
            column[:] = -1
            column[block] = np.arange(len(block))
            centres = self._dense(block, place, width)
            lengths = self._lengths[block].astype(np.float32)
            step = _SCORES // len(block)
            for first in range(0, len(labels), step):
                part = slice(first, first + step)
                scores = matrix[part] @ centres
                scores *= 2
                scores -= lengths
                best.part(part).enter(scores, column[labels[part]], block)
        return best

    def _dense(self, clusters: Ints, place: Ints, width: int) -> Singles:
        """Centres as columns; ``place`` is the row of each word, -1 where it has none."""
        dense = np.zeros((width, len(clusters)), dtype=np.float32)
        for column, cluster in enumerate(clusters.tolist()):
            words, values = self._centres[cluster]
            row = place[words]
            kept = row >= 0
            dense[row[kept], column] = values[kept]
        return dense


def _row(matrix: Any, number: int) -> tuple[Labels, Floats]:
    """Columns and values of a row."""
    span = slice(matrix.indptr[number], matrix.indptr[number + 1])
    return matrix.indices[span], matrix.data[span]
