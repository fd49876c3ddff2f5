"""The step from keywords to where each belongs: a cluster (StickerTAG section 3.1) or a tag."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Output, Reader, Step
from pipeline.tags.named import NamedSet, read_named, words_by_hand
from schemas.config import Config, TagsConfig
from schemas.section import Section
from schemas.tables import TABLES

_PEOPLES = ("naming", "named_tags", "named_keywords", "named_elbow")


class ClusterSettings(Section):
    """What decides the clusters: the configuration, and who adds up and draws numbers."""

    tags: TagsConfig
    libraries: dict[str, str]


def _cluster_settings(config: Config) -> ClusterSettings:
    # The dictionary shows in the keywords that are read, not in how they are clustered.
    unused = ("user_dictionary", "blocked_words", "suggest_from", "min_score")
    defaults = {name: TagsConfig.model_fields[name].default for name in unused}
    tags = config.tags.model_copy(update=defaults)
    return ClusterSettings(
        tags=tags, libraries={name: version(name) for name in ("numpy", "scipy")}
    )


def _clusters(reader: Reader, settings: ClusterSettings) -> Iterator[Output]:
    rows = reader.read("keywords", columns=["keyword", "tokens"]).combine_chunks()
    named = read_named(reader)
    if not named.number:
        parts, elbow = _clustered(rows, settings.tags, 0)
    else:
        settled, new = _settled(rows, named)
        fitted, rest = _fitted(new, named, words_by_hand(reader, named))
        # How many there were is what people decided about; these few are counted by themselves.
        config = settings.tags.model_copy(update={"clusters": None})
        found, _ = _clustered(rest, config, _next_number(named))
        parts = pa.concat_tables([settled, fitted, found])
        elbow = reader.read("named_elbow")
    clusters = parts.sort_by("keyword").combine_chunks()
    yield "clusters", None, clusters
    yield "elbow", None, elbow


def _clustered(rows: pa.Table, config: TagsConfig, first: int) -> tuple[pa.Table, pa.Table]:
    """Keywords clustered by themselves, the clusters numbered from ``first`` on; the curve."""
    from pipeline.tags.clustering import cluster_keywords, elbow_rows

    keywords, tokens = (rows[name].combine_chunks() for name in ("keyword", "tokens"))
    found = cluster_keywords(keywords, tokens, config)
    none = found.clusters < 0
    cluster = pa.array(found.clusters + np.int32(first), pa.int32(), mask=none)
    table = _table(
        keyword=keywords,
        cluster=cluster,
        distance=pa.array(found.distances, mask=none),
        state=pc.if_else(pa.array(none), "unclustered", "clustered"),
        key=pc.binary_join_element_wise("c", cluster.cast(pa.string()), ""),
    )
    return table, pa.Table.from_pylist(elbow_rows(found.curve), schema=TABLES["elbow"].schema)


def _settled(rows: pa.Table, named: NamedSet) -> tuple[pa.Table, pa.Table]:
    """Keywords that the frozen set settled, and the others."""
    known = named.keywords["keyword"].combine_chunks()
    place = pc.index_in(rows["keyword"], value_set=known).combine_chunks()
    held = named.keywords.take(place.drop_null())
    table = _table(
        keyword=held["keyword"],
        cluster=held["cluster"],
        distance=held["distance"],
        state=pa.array(["named"] * len(held), pa.string()),
        tag=held["tag"],
        key=held["tag"],
    )
    return table, rows.filter(place.is_null())


def _fitted(rows: pa.Table, named: NamedSet, words: dict[str, str]) -> tuple[pa.Table, pa.Table]:
    """Keywords that fit into the frozen set, or to what it dropped, and the others."""
    from pipeline.tags.fitting import fit_keywords

    if not len(rows):
        return _table(keyword=rows["keyword"]), rows
    keywords, tokens = (rows[name].combine_chunks() for name in ("keyword", "tokens"))
    fits = fit_keywords(keywords, tokens, named, words)
    table = _table(
        keyword=keywords,
        cluster=fits.clusters,
        distance=pa.array(fits.distances, mask=np.isnan(fits.distances)),
        state=pa.array(["fitted"] * len(rows), pa.string()),
        tag=fits.tags,
        key=fits.tags,
    )
    found = pa.array(fits.found)
    return table.filter(found), rows.filter(pc.invert(found))


def _next_number(named: NamedSet) -> int:
    """The number after that of every cluster that the set knows."""
    numbers = (named.keywords["cluster"], pc.list_flatten(named.tags["clusters"]))
    return max(pc.max(column).as_py() or 0 for column in numbers) + 1


def _table(**columns: Any) -> pa.Table:
    """Rows of ``clusters``; columns that aren't given are null."""
    schema = TABLES["clusters"].schema
    count = len(columns["keyword"])
    arrays = [columns.get(field.name, pa.nulls(count, field.type)) for field in schema]
    return pa.table(arrays, schema=schema)


CLUSTERS = Step(
    name="clusters",
    version=4,
    reads=("keywords", *_PEOPLES),
    optional=_PEOPLES,
    writes=("clusters", "elbow"),
    settings=_cluster_settings,
    run=_clusters,
)
