"""The steps from observations to a tag set and to suggested tags (StickerTAG section 3.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version

import pyarrow as pa

from pipeline.engine.paths import named_path
from pipeline.engine.stage import Output, Reader, Step
from pipeline.tags.keywords import COLUMNS, carried_keywords
from pipeline.tags.naming import Member, Tag, name_clusters, tagset_version
from pipeline.tags.segment import open_segmenter
from pipeline.tags.words import STICKER_WORDS, read_dictionary, read_reactions
from schemas.config import Config, Section, TagsConfig
from schemas.tables import TABLES


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
    stickers = Counter(word for _, words in _carried(reader) for word in words)
    segment = open_segmenter(settings.words, settings.reactions)
    rows = [
        {"keyword": keyword, "tokens": segment(keyword), "stickers": stickers[keyword]}
        for keyword in sorted(stickers)
    ]
    yield "keywords", None, pa.Table.from_pylist(rows, schema=TABLES["keywords"].schema)


def _clusters(reader: Reader, settings: ClusterSettings) -> Iterator[Output]:
    from pipeline.tags.clustering import cluster_keywords, elbow_rows

    rows = reader.read("keywords", columns=["keyword", "tokens"]).to_pylist()
    tokens = {row["keyword"]: tuple(row["tokens"] or ()) for row in rows}
    clusters, curve = cluster_keywords(tokens, settings.tags)
    cluster_of = {m.keyword: (n, m.distance) for n, c in enumerate(clusters) for m in c}
    assigned = [
        {"keyword": keyword, "cluster": cluster, "distance": distance}
        for keyword in sorted(tokens)
        for cluster, distance in (cluster_of.get(keyword, (None, None)),)
    ]
    yield "clusters", None, pa.Table.from_pylist(assigned, schema=TABLES["clusters"].schema)
    yield "elbow", None, pa.Table.from_pylist(elbow_rows(curve), schema=TABLES["elbow"].schema)
    stickers: Counter[int] = Counter()
    for _, words in _carried(reader):
        stickers.update({cluster_of[word][0] for word in words if word in cluster_of})
    tagset = _tagset_rows(name_clusters(clusters), clusters, stickers)
    yield "tagset", None, pa.Table.from_pylist(tagset, schema=TABLES["tagset"].schema)


def _tagset_rows(
    tags: Sequence[Tag], clusters: Sequence[Sequence[Member]], stickers: Counter[int]
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


def _suggestions(reader: Reader, settings: None) -> Iterator[Output]:
    tagset = reader.read("tagset", columns=["tag", "cluster", "flags", "version"]).to_pylist()
    # An oversized cluster is what K-means could not tell apart: its tag would fit few of them.
    names = {row["cluster"]: row["tag"] for row in tagset if "oversized" not in row["flags"]}
    digest = tagset[0]["version"] if tagset else None
    assigned = reader.read("clusters", columns=["keyword", "cluster"]).to_pylist()
    tag_of = {r["keyword"]: names[r["cluster"]] for r in assigned if r["cluster"] in names}
    for part in reader.parts:
        carried = _carried_in(reader, part)
        rows = [
            {"id": sticker, "tags": _tags_of(carried.get(sticker, ()), tag_of), "tagset": digest}
            for sticker in reader.read("stickers", part, ["id"])["id"].to_pylist()
        ]
        yield "suggestions", part, pa.Table.from_pylist(rows, schema=TABLES["suggestions"].schema)


def _tags_of(keywords: Sequence[str], tag_of: Mapping[str, str]) -> list[str]:
    return sorted({tag_of[keyword] for keyword in keywords if keyword in tag_of})


def _carried(reader: Reader) -> Iterator[tuple[str, tuple[str, ...]]]:
    for part in reader.parts:
        yield from _carried_in(reader, part).items()


def _carried_in(reader: Reader, part: int) -> dict[str, tuple[str, ...]]:
    decisions = reader.read("decisions", part, ["id", "kept"])
    kept = set(decisions.filter(decisions["kept"])["id"].to_pylist())
    return carried_keywords(reader.read("observations", part, COLUMNS), kept)


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
