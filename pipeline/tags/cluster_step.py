"""The step from keywords to clusters of them (StickerTAG section 3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import pyarrow as pa

from pipeline.engine.stage import Output, Reader, Step
from pipeline.tags.proposals import cluster_key
from schemas.config import Config, Section, TagsConfig
from schemas.tables import TABLES


class ClusterSettings(Section):
    """What decides the clusters: the configuration, and scikit-learn's version."""

    tags: TagsConfig
    libraries: dict[str, str]


def _cluster_settings(config: Config) -> ClusterSettings:
    # The dictionary shows in the keywords that are read, not in how they are clustered.
    unused = ("user_dictionary", "blocked_words", "suggest_from", "min_score")
    defaults = {name: TagsConfig.model_fields[name].default for name in unused}
    tags = config.tags.model_copy(update=defaults)
    return ClusterSettings(tags=tags, libraries={"scikit-learn": version("scikit-learn")})


def _clusters(reader: Reader, settings: ClusterSettings) -> Iterator[Output]:
    from pipeline.tags.clustering import cluster_keywords, elbow_rows

    rows = reader.read("keywords", columns=["keyword", "tokens"]).to_pylist()
    tokens = {row["keyword"]: tuple(row["tokens"] or ()) for row in rows}
    clusters, curve = cluster_keywords(tokens, settings.tags)
    cluster_of = {m.keyword: (n, m.distance) for n, c in enumerate(clusters) for m in c}
    rows = [
        {
            "keyword": keyword,
            "cluster": cluster,
            "distance": distance,
            "state": "unclustered" if cluster is None else "clustered",
            "key": None if cluster is None else cluster_key(cluster),
        }
        for keyword in sorted(tokens)
        for cluster, distance in (cluster_of.get(keyword, (None, None)),)
    ]
    yield "clusters", None, pa.Table.from_pylist(rows, schema=TABLES["clusters"].schema)
    yield "elbow", None, pa.Table.from_pylist(elbow_rows(curve), schema=TABLES["elbow"].schema)


CLUSTERS = Step(
    name="clusters",
    version=2,
    reads=("keywords",),
    writes=("clusters", "elbow"),
    settings=_cluster_settings,
    run=_clusters,
)
