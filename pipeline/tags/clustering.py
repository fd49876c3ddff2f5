"""From segmented keywords to clusters of keywords, the largest first."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from pipeline.tags.kmeans import Clustering, Curve, choose_clusters
from pipeline.tags.proposals import Member
from pipeline.tags.vectors import Vectors, vectorise
from schemas.config import TagsConfig

# The last digits differ between processors; a table's bytes must not.
_DIGITS = 9
_DISTANCE_DIGITS = 6


def cluster_keywords(
    tokens: Mapping[str, tuple[str, ...]], config: TagsConfig
) -> tuple[list[list[Member]], Curve | None]:
    """Clusters of the keywords that have words left, and the curve behind their number.

    Clusters go by size, then by their first keyword; members by keyword. A keyword that is in
    none has no word that ``config.min_df`` keywords share. No clusters and no curve where there
    is nothing to cluster.
    """
    keywords = sorted(tokens)
    vectors = vectorise([tokens[keyword] for keyword in keywords], config.min_df)
    if vectors.count == 0:
        return [], None
    run, curve = choose_clusters(vectors, config)
    distances = _distances(vectors, run)
    found: dict[int, list[Member]] = {}
    for keyword, row in zip(keywords, vectors.rows, strict=True):
        if row is not None:
            member = Member(keyword, tokens[keyword], distances[row])
            found.setdefault(int(run.labels[row]), []).append(member)
    return sorted(found.values(), key=lambda c: (-len(c), c[0].keyword)), curve


def elbow_rows(curve: Curve | None) -> list[dict[str, object]]:
    """Rows of the elbow table; height and clear are null where the number was fixed.

    The numbers within 5% of the greatest height are as defensible as the chosen one.
    """
    if curve is None:
        return []
    heights = curve.heights or (None,) * len(curve.ks)
    return [
        {
            "k": k,
            "inertia": round(inertia, _DIGITS),
            "height": None if height is None else round(height, _DIGITS),
            "chosen": k == curve.k,
            "clear": None if curve.elbow is None else curve.elbow.clear,
            "seeds": curve.by_seed.count(k),
        }
        for k, inertia, height in zip(curve.ks, curve.inertias, heights, strict=True)
    ]


def _distances(vectors: Vectors, run: Clustering) -> list[float]:
    """Distance of each distinct vector to its centre."""
    squared = np.empty(vectors.count)
    # Cluster by cluster: one centre for every vector would fill the memory.
    for label, centre in enumerate(run.centres):
        rows = np.flatnonzero(run.labels == label)
        # Vectors are of length 1.
        squared[rows] = 1 - 2 * (vectors.matrix[rows] @ centre) + centre @ centre
    return [round(math.sqrt(max(0.0, value)), _DISTANCE_DIGITS) for value in squared]
