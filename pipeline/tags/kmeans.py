"""K-means for every number of clusters that is tried, seeded once (StickerTAG section 3.1)."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.tags.elbow import Elbow, candidates, chord_heights, find_elbow, refinement
from pipeline.tags.vectors import Vectors
from schemas.config import TagsConfig

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clustering:
    """One clustering: a label for each distinct vector, centres and weighted inertia."""

    labels: Labels
    centres: Floats
    inertia: float


@dataclass(frozen=True)
class Curve:
    """Inertia of each number that was tried, the mean over seeds.

    ``heights`` and ``elbow`` are None where the number was fixed. ``by_seed`` is the elbow of
    each seed's own curve: their spread says how far the choice can be trusted.
    """

    ks: tuple[int, ...]
    inertias: tuple[float, ...]
    k: int
    heights: tuple[float, ...] | None = None
    elbow: Elbow | None = None
    by_seed: tuple[int, ...] = ()


def choose_clusters(vectors: Vectors, config: TagsConfig) -> tuple[Clustering, Curve]:
    """Cluster distinct vectors; the number is ``config.clusters``, or the elbow's.

    A coarse pass over the whole range is followed by a fine one around its elbow, as in the
    paper. Never more clusters than distinct vectors. Raises ValueError where there is no vector.
    """
    import threadpoolctl  # type: ignore[import-untyped]

    largest = min(config.clusters or config.max_clusters, vectors.count)
    # Sums of floats depend on the number of threads; one thread gives the same bytes everywhere.
    with threadpoolctl.threadpool_limits(limits=1):
        attempts = [
            SeededKMeans(vectors, largest, config.seed + offset) for offset in range(config.seeds)
        ]
        if config.clusters is None:
            curve = _sweep(attempts, min(config.min_clusters, largest), largest, config)
        else:
            inertia = float(np.mean([attempt.inertia(largest) for attempt in attempts]))
            curve = Curve((largest,), (inertia,), largest)
        best = min(attempts, key=lambda attempt: attempt.inertia(curve.k))
        return best.run(curve.k), curve


class SeededKMeans:
    """Clusterings of the same vectors for any number, all from one k-means++ seeding.

    k-means++ picks centres one after another, so the first K of the largest seeding seed K
    clusters: one seeding serves every number, and curves wobble less from number to number.
    """

    def __init__(self, vectors: Vectors, largest: int, seed: int) -> None:
        from sklearn.cluster import kmeans_plusplus

        self._vectors = vectors
        _, self._picked = kmeans_plusplus(
            vectors.matrix, largest, sample_weight=vectors.weights, random_state=seed
        )
        self._inertias: dict[int, float] = {}

    def inertia(self, k: int) -> float:
        """Weighted sum of squared distances to the nearest of ``k`` centres."""
        if k not in self._inertias:
            self._inertias[k] = self.run(k).inertia
        return self._inertias[k]

    def run(self, k: int) -> Clustering:
        """Cluster into ``k``, at most the number that was seeded."""
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        centres = self._vectors.matrix[self._picked[:k]].toarray()
        model: Any = KMeans(k, init=centres, n_init=1, random_state=0)
        with warnings.catch_warnings():
            # Vectors that differ by rounding alone may leave a cluster empty; that is harmless.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(self._vectors.matrix, sample_weight=self._vectors.weights)
        return Clustering(model.labels_, model.cluster_centers_, float(model.inertia_))


def _sweep(
    attempts: Sequence[SeededKMeans], smallest: int, largest: int, config: TagsConfig
) -> Curve:
    coarse = candidates(smallest, largest, config.step)
    around = find_elbow(coarse, _means(attempts, coarse), config.clear_elbow).k
    ks = sorted({*coarse, *refinement(around, smallest, largest, config.step)})
    inertias = _means(attempts, ks)
    elbow = find_elbow(ks, inertias, config.clear_elbow)
    by_seed = tuple(
        find_elbow(ks, [attempt.inertia(k) for k in ks], config.clear_elbow).k
        for attempt in attempts
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


def _means(attempts: Sequence[SeededKMeans], ks: Sequence[int]) -> list[float]:
    return [float(np.mean([attempt.inertia(k) for attempt in attempts])) for k in ks]
