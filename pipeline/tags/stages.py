"""The steps from observations to a tag set and to suggested tags (StickerTAG section 3.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import lists_of
from pipeline.engine.paths import named_path
from pipeline.engine.stage import Output, Reader, Step
from pipeline.tags.keywords import COLUMNS, carried_keywords
from pipeline.tags.naming import Member, Tag, name_clusters, tagset_version
from pipeline.tags.segment import open_segmenter
from pipeline.tags.words import STICKER_WORDS, read_dictionary, read_reactions
from schemas.config import Config, Section, TagsConfig
from schemas.tables import TABLES

Ints = npt.NDArray[np.int64]


class KeywordSettings(Section):
    """What decides the words of a keyword: the word lists themselves, so that an edit shows."""

    words: tuple[str, ...]
    reactions: tuple[str, ...]
    libraries: dict[str, str]


class ClusterSettings(Section):
    """What decides the clusters: the configuration, and scikit-learn's version."""

    tags: TagsConfig
    libraries: dict[str, str]


def _keyword_settings(config: Config) -> KeywordSettings:
    words = set(read_dictionary(STICKER_WORDS))
    if config.tags.user_dictionary is not None:
        words.update(
            read_dictionary(named_path(config.tags.user_dictionary, "tags.user_dictionary"))
        )
    return KeywordSettings(
        words=tuple(sorted(words)),
        reactions=read_reactions(),
        libraries=_versions("jieba", "stopwordsiso"),
    )


def _cluster_settings(config: Config) -> ClusterSettings:
    # The dictionary shows in the keywords that are read, not in how they are clustered.
    tags = config.tags.model_copy(update={"user_dictionary": None})
    return ClusterSettings(tags=tags, libraries=_versions("scikit-learn"))


def _versions(*libraries: str) -> dict[str, str]:
    return {library: version(library) for library in libraries}


def _keywords(reader: Reader, settings: KeywordSettings) -> Iterator[Output]:
    empty = pa.table({"keyword": pa.array([], pa.string()), "stickers": pa.array([], pa.int64())})
    counts = [empty]
    for block in reader.blocks:
        carried = _carried(reader, block).group_by("keyword").aggregate([([], "count_all")])
        counts.append(carried.rename_columns(empty.column_names))
    total = pa.concat_tables(counts).group_by("keyword").aggregate([("stickers", "sum")])
    total = total.rename_columns(empty.column_names).sort_by("keyword")
    segment = open_segmenter(settings.words, settings.reactions)
    tokens = pa.array(map(segment, total["keyword"].to_pylist()), pa.list_(pa.string()))
    rows = pa.table([total["keyword"], tokens, total["stickers"]], schema=TABLES["keywords"].schema)
    yield "keywords", None, rows


def _clusters(reader: Reader, settings: ClusterSettings) -> Iterator[Output]:
    from pipeline.tags.clustering import cluster_keywords, elbow_rows

    rows = reader.read("keywords", columns=["keyword", "tokens"]).to_pylist()
    tokens = {row["keyword"]: tuple(row["tokens"] or ()) for row in rows}
    clusters, curve = cluster_keywords(tokens, settings.tags)
    cluster_of = {m.keyword: (n, m.distance) for n, c in enumerate(clusters) for m in c}
    rows = [
        {"keyword": keyword, "cluster": cluster, "distance": distance}
        for keyword in sorted(tokens)
        for cluster, distance in (cluster_of.get(keyword, (None, None)),)
    ]
    assigned = pa.Table.from_pylist(rows, schema=TABLES["clusters"].schema)
    yield "clusters", None, assigned
    yield "elbow", None, pa.Table.from_pylist(elbow_rows(curve), schema=TABLES["elbow"].schema)
    stickers = _count(reader, assigned, len(clusters))
    tagset = _tagset_rows(name_clusters(clusters), clusters, stickers)
    yield "tagset", None, pa.Table.from_pylist(tagset, schema=TABLES["tagset"].schema)


def _tagset_rows(
    tags: Sequence[Tag], clusters: Sequence[Sequence[Member]], stickers: Sequence[int]
) -> list[dict[str, object]]:
    named = [(m.keyword, tag.name) for tag, c in zip(tags, clusters, strict=True) for m in c]
    digest = tagset_version([tag.name for tag in tags], named)
    return [
        {
            "tag": tag.name,
            "cluster": number,
            "terms": tag.terms,
            "exemplars": tag.exemplars,
            "keywords": len(clusters[number]),
            "stickers": stickers[number],
            "flags": tag.flags,
            "version": digest,
        }
        for number, tag in enumerate(tags)
    ]


def _count(reader: Reader, assigned: pa.Table, clusters: int) -> list[int]:
    """Stickers that carry a keyword of each cluster."""
    total = np.zeros(clusters, dtype=np.int64)
    for block in reader.blocks:
        _, found = _found(_carried(reader, block), assigned["keyword"], assigned["cluster"])
        total += np.bincount(found, minlength=clusters)
    return [int(count) for count in total]


def _suggestions(reader: Reader, settings: None) -> Iterator[Output]:
    tagset = reader.read("tagset", columns=["tag", "cluster", "flags", "version"]).to_pylist()
    # An oversized cluster is what K-means could not tell apart: its tag would fit few of them.
    named = sorted((r["tag"], r["cluster"]) for r in tagset if "oversized" not in r["flags"])
    digest = tagset[0]["version"] if tagset else None
    assigned = reader.read("clusters", columns=["keyword", "cluster"])
    tags = pa.array([tag for tag, _ in named], pa.string())
    clusters = pa.array([cluster for _, cluster in named], pa.int32())
    tag_of = pc.index_in(assigned["cluster"], value_set=clusters)
    for block in reader.blocks:
        ids = reader.read("stickers", block, ["id"])["id"]
        stickers, numbers = _found(_carried(reader, block), assigned["keyword"], tag_of)
        lists = lists_of(stickers, tags.take(pa.array(numbers)), len(ids))
        versions = pa.array([digest] * len(ids), pa.string())
        schema = TABLES["suggestions"].schema
        yield "suggestions", block, pa.table([ids, lists, versions], schema=schema)


def _found(
    carried: pa.Table, keywords: pa.ChunkedArray, numbers: pa.ChunkedArray
) -> tuple[Ints, Ints]:
    """Stickers and the numbers that their keywords have, each pair once, in order."""
    number = numbers.take(pc.index_in(carried["keyword"], value_set=keywords))
    known = pc.is_valid(number)
    found = number.filter(known).to_numpy().astype(np.int64)
    width = int(found.max(initial=0)) + 1
    stickers = carried["sticker"].filter(known).to_numpy()
    pairs = np.unique(stickers.astype(np.int64) * width + found)
    return pairs // width, pairs % width


def _carried(reader: Reader, block: Sequence[int]) -> pa.Table:
    """Keywords of the kept stickers of a block: ``sticker`` counts over all of them."""
    decisions = reader.read("decisions", block, ["id", "kept"])
    # A sticker without an id is not found.
    kept = pc.if_else(decisions["kept"], decisions["id"], None).combine_chunks()
    return carried_keywords(reader.read("observations", block, COLUMNS), kept)


KEYWORDS = Step(
    name="keywords",
    version=1,
    reads=("observations", "decisions"),
    writes=("keywords",),
    settings=_keyword_settings,
    run=_keywords,
)
CLUSTERS = Step(
    name="clusters",
    version=1,
    reads=("keywords", "observations", "decisions"),
    writes=("clusters", "elbow", "tagset"),
    settings=_cluster_settings,
    run=_clusters,
)
SUGGESTIONS = Step(
    name="suggestions",
    version=1,
    reads=("stickers", "observations", "decisions", "clusters", "tagset"),
    writes=("suggestions",),
    settings=lambda config: None,
    run=_suggestions,
)
PLAN = (KEYWORDS, CLUSTERS, SUGGESTIONS)
