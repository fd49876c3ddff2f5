"""K-means for every number of clusters that is tried, and which number is used."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from pipeline.tags.elbow import (
    Elbow,
    candidates,
    chord_heights,
    find_elbow,
    refinement,
    small_numbers,
)
from pipeline.tags.kmeans import KMeans
from pipeline.tags.nearest import Labels
from pipeline.tags.vectors import Floats, Vectors
from schemas.config import TagsConfig

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clustering:
    """One clustering: a label for each distinct vector, none left out, and weighted inertia."""

    labels: Labels
    inertia: float


@dataclass(frozen=True)
class Curve:
    """Inertia of each number that was tried, the mean over seeds.

    ``heights`` and ``elbow`` are None where the number was fixed. ``by_seed`` is the elbow of
    each seed's own curve, ``stability`` how far seeds agree on who belongs together at ``k`` (mean
    adjusted Rand index, 1 for the same clusters; None with one seed): what the choice is worth.
    """

    ks: tuple[int, ...]
    inertias: tuple[float, ...]
    k: int
    heights: tuple[float, ...] | None = None
    elbow: Elbow | None = None
    by_seed: tuple[int, ...] = ()
    stability: float | None = None


def choose_clusters(
    vectors: Vectors, config: TagsConfig, workers: int | None = None
) -> tuple[Clustering, Curve]:
    """Cluster distinct vectors; the number is ``config.clusters``, or the elbow's.

    A coarse pass over the whole range is followed by a fine one around its elbow (StickerTAG
    section 3.1). Never more clusters than distinct vectors. ``workers`` threads, as many as there
    are cores, share the seeds, and change nothing else.
    """
    import threadpoolctl  # type: ignore[import-untyped]

    asked = config.clusters or config.max_clusters
    largest = min(asked, vectors.count)
    if config.clusters is not None and largest < asked:
        logger.warning(
            "tags.clusters asks for %d clusters, but the keywords have %d different sets of words: "
            "%d clusters are made",
            asked,
            vectors.count,
            largest,
        )
    chains = [_Chain(vectors, config.seed + offset) for offset in range(config.seeds)]
    # Sums of floats depend on the number of threads; one thread gives the same bytes everywhere.
    with (
        threadpoolctl.threadpool_limits(limits=1),
        ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool,
    ):

        def each(work: Callable[[_Chain], None]) -> None:
            list(pool.map(work, chains))

        if config.clusters is not None:
            each(lambda chain: chain.reach([largest]))
            curve = Curve((largest,), (_means(chains, [largest])[0],), largest)
        else:
            curve = _sweep(chains, each, min(config.min_clusters, largest), largest, config)
    labels = [chain.labels(curve.k) for chain in chains]
    best = min(range(len(chains)), key=lambda number: chains[number].inertias[curve.k])
    agreement = [_rand_index(a, b, vectors.weights) for a, b in combinations(labels, 2)]
    stability = float(np.mean(agreement)) if agreement else None
    result = Clustering(labels[best], chains[best].inertias[curve.k])
    return result, replace(curve, stability=stability)


class _Chain:
    """One seed's clusterings, each grown from the one before it."""

    def __init__(self, vectors: Vectors, seed: int) -> None:
        self._kmeans = KMeans(vectors, seed)
        self.inertias: dict[int, float] = {}
        # What each number changed in the labels of the number before it.
        self._changes: list[tuple[int, npt.NDArray[np.int64], Labels]] = []

    def reach(self, ks: Sequence[int]) -> None:
        """Cluster into each of these numbers, which ascend."""
        for k in ks:
            before = self._kmeans.labels.copy()
            self._kmeans.grow(k)
            after = self._kmeans.labels
            rows = np.flatnonzero(before != after)
            self._changes.append((k, rows, after[rows]))
            self.inertias[k] = self._kmeans.inertia

    def back_to(self, k: int) -> None:
        """Forget what came after ``k``, which was reached, and go on from there."""
        self._kmeans.start(self.labels(k))
        self._changes = [change for change in self._changes if change[0] <= k]
        self.inertias = {tried: value for tried, value in self.inertias.items() if tried <= k}

    def labels(self, k: int) -> Labels:
        """Labels of a number that was reached."""
        labels = np.zeros_like(self._kmeans.labels)
        for reached, rows, changed in self._changes:
            if reached <= k:
                labels[rows] = changed
        return labels


def _sweep(
    chains: Sequence[_Chain],
    each: Callable[[Callable[[_Chain], None]], None],
    smallest: int,
    largest: int,
    config: TagsConfig,
) -> Curve:
    coarse = candidates(smallest, largest, config.coarse_step, config.step)
    first = sorted({*coarse, *small_numbers(coarse, config.step)})
    each(lambda chain: chain.reach(first))
    found = find_elbow(first, _means(chains, first), config.clear_elbow).k
    around = next(k for k in coarse if k >= found)
    fine = refinement(around, coarse, config.step)
    if len(fine) > 1:
        # One chain through both passes: numbers reached in small steps fare a little better, and
        # a curve of two chains would have a kink where they meet.
        rest = [*fine[1:], *(k for k in coarse if k > fine[-1])]
        each(lambda chain: chain.back_to(fine[0]))
        each(lambda chain: chain.reach(rest))
    ks = sorted(chains[0].inertias)
    inertias = _means(chains, ks)
    elbow = find_elbow(ks, inertias, config.clear_elbow)
    by_seed = tuple(
        find_elbow(ks, [chain.inertias[k] for k in ks], config.clear_elbow).k for chain in chains
    )
    logger.info(
        "%s elbow at %d clusters (height %.2f); %d to %d are as defensible; by seed: %s",
        "Clear" if elbow.clear else "No clear",
        elbow.k,
        elbow.height,
        elbow.lowest,
        elbow.highest,
        ", ".join(map(str, by_seed)),
    )
    heights = tuple(float(height) for height in chord_heights(ks, inertias))
    return Curve(tuple(ks), tuple(inertias), elbow.k, heights, elbow, by_seed)


def _means(chains: Sequence[_Chain], ks: Sequence[int]) -> list[float]:
    return [float(np.mean([chain.inertias[k] for chain in chains])) for k in ks]


def _rand_index(one: Labels, other: Labels, weights: Floats) -> float:
    """Adjusted Rand index of two clusterings of weighted vectors (Hubert and Arabie 1985)."""
    pairs = one.astype(np.int64) * (int(other.max()) + 1) + other
    cells = np.bincount(np.unique(pairs, return_inverse=True)[1], weights)
    both, first, second, every = (
        float(np.sum(sizes * (sizes - 1) / 2))
        for sizes in (cells, np.bincount(one, weights), np.bincount(other, weights), weights.sum())
    )
    expected = first * second / every if every else 0.0
    most = (first + second) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)
