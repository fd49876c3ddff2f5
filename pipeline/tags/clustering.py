"""From segmented keywords to clusters of keywords, the largest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tags.sweep import Curve, choose_clusters
from pipeline.tags.vectors import Vectors, vectorise
from schemas.config import TagsConfig

MANY_KEYWORDS = 100_000
# The last digits differ between processors; a table's bytes must not.
_DIGITS = 9
_DISTANCE_DIGITS = 6

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class KeywordClusters:
    """Each keyword's cluster, -1 where it has no word left, and its distance to the centre.

    Clusters are numbered by size, then by their first keyword. ``curve`` says why there are so
    many; None where there was nothing to cluster. ``distances`` are NaN where there is no cluster.
    """

    clusters: npt.NDArray[np.int32]
    distances: Floats
    curve: Curve | None


def cluster_keywords(
    keywords: pa.Array, tokens: pa.ListArray, config: TagsConfig
) -> KeywordClusters:
    """Cluster keywords by their ``tokens``; the order of the keywords changes nothing.

    A keyword that is in no cluster has no word that as many keywords share as ``shared_by`` asks.
    """
    vectors = vectorise(tokens, shared_by(len(tokens), config))
    clusters = np.full(len(keywords), -1, dtype=np.int32)
    distances = np.full(len(keywords), np.nan)
    if vectors.count == 0:
        return KeywordClusters(clusters, distances, None)
    run, curve = choose_clusters(vectors, config)
    held = vectors.rows >= 0
    found = run.labels[vectors.rows[held]]
    clusters[held] = _numbers(found, pc.filter(keywords, pa.array(held)))[found]
    distances[held] = _distances(vectors, run.labels)[vectors.rows[held]]
    return KeywordClusters(clusters, distances, curve)


def shared_by(keywords: int, config: TagsConfig) -> int:
    """How many keywords a word must stand in."""
    return config.min_df or (2 if keywords >= MANY_KEYWORDS else 1)


def elbow_rows(curve: Curve | None) -> list[dict[str, object]]:
    """Rows of the elbow table; height and clear are null where the number was fixed."""
    if curve is None:
        return []
    stability = None if curve.stability is None else round(curve.stability, _DISTANCE_DIGITS)
    heights = curve.heights or (None,) * len(curve.ks)
    return [
        {
            "k": k,
            "inertia": round(inertia, _DIGITS),
            "height": None if height is None else round(height, _DIGITS),
            "chosen": k == curve.k,
            "clear": None if curve.elbow is None else curve.elbow.clear,
            "stability": stability if k == curve.k else None,
            "seeds": curve.by_seed.count(k),
        }
        for k, inertia, height in zip(curve.ks, curve.inertias, heights, strict=True)
    ]


def _numbers(labels: Labels, keywords: pa.Array) -> npt.NDArray[np.int32]:
    """The number of each label: the largest cluster first, equal ones by their first keyword."""
    order = pc.sort_indices(keywords).to_numpy()
    present, first = np.unique(labels[order], return_index=True)
    sizes = np.bincount(labels)
    numbers = np.empty(len(sizes), dtype=np.int32)
    numbers[present[np.lexsort((first, -sizes[present]))]] = np.arange(len(present))
    return numbers


def _distances(vectors: Vectors, labels: Labels) -> Floats:
    """Distance of each distinct vector to its centre, the mean of those with its label."""
    matrix = vectors.matrix
    rows = np.repeat(np.arange(vectors.count), np.diff(matrix.indptr))
    # A centre has entries only for the words of its vectors.
    places = labels[rows].astype(np.int64) * matrix.shape[1] + matrix.indices
    entries, place = np.unique(places, return_inverse=True)
    owners = entries // matrix.shape[1]
    sums = np.bincount(place, vectors.weights[rows] * matrix.data)
    centres = sums / np.bincount(labels, vectors.weights)[owners]
    lengths = np.bincount(owners, centres**2)
    products = np.bincount(rows, matrix.data * centres[place])
    # Vectors are of length 1.
    squared = 1 - 2 * products + lengths[labels]
    distances: Floats = np.round(np.sqrt(np.maximum(0.0, squared)), _DISTANCE_DIGITS)
    return distances
