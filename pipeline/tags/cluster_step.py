"""The step from keywords to clusters of them (StickerTAG section 3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Output, Reader, Step
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

    rows = reader.read("keywords", columns=["keyword", "tokens"]).combine_chunks()
    keywords, tokens = (rows[name].combine_chunks() for name in ("keyword", "tokens"))
    found = cluster_keywords(keywords, tokens, settings.tags)
    none = found.clusters < 0
    cluster = pa.array(found.clusters, mask=none)
    missing = pa.nulls(len(rows), pa.string())
    columns = {
        "keyword": keywords,
        "cluster": cluster,
        "distance": pa.array(found.distances, mask=none),
        "state": pc.if_else(pa.array(none), "unclustered", "clustered"),
        "tag": missing,
        "key": pc.binary_join_element_wise("c", cluster.cast(pa.string()), ""),
    }
    curve = found.curve
    clusters = pa.table(
        [columns[name] for name in TABLES["clusters"].schema.names],
        schema=TABLES["clusters"].schema,
    )
    yield "clusters", None, clusters
    yield "elbow", None, pa.Table.from_pylist(elbow_rows(curve), schema=TABLES["elbow"].schema)


CLUSTERS = Step(
    name="clusters",
    version=2,
    reads=("keywords",),
    writes=("clusters", "elbow"),
    settings=_cluster_settings,
    run=_clusters,
)
