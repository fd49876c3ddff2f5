"""The step from keywords, texts on stickers and the tag set to suggested tags of each sticker."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache, partial
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Output, Reader, Step
from pipeline.tags.carried import carried_in, kept_in
from pipeline.tags.keyword_step import KEYWORDS, KeywordSettings
from pipeline.tags.named import read_named
from pipeline.tags.segment import Segmenter, open_segmenter
from pipeline.tags.suggesting.combined import SOURCES, Evidence, suggest
from pipeline.tags.suggesting.evidence import KeywordScores, Texts, judge_keywords
from pipeline.tags.suggesting.known import KnownTags, read_known
from pipeline.tags.suggesting.sticker_texts import texts_of
from schemas.config import Config
from schemas.section import Section
from schemas.tables import TABLES


class SuggestionSettings(Section):
    """What decides suggestions beside the tables: sources, bounds, and how texts are cut."""

    suggest_from: tuple[str, ...]
    min_score: float
    most: int
    segmenting: KeywordSettings
    libraries: dict[str, str]


def _settings(config: Config) -> SuggestionSettings:
    return SuggestionSettings(
        suggest_from=tuple(sorted(set(config.tags.suggest_from))),
        min_score=config.tags.min_score,
        most=config.label.max_tags,
        segmenting=KEYWORDS.settings(config),
        libraries={"opencc": version("opencc")},
    )


# Not block by block: whatever a block adds changes counts of the tag set, which all of them read.
def _suggestions(reader: Reader, settings: SuggestionSettings) -> Iterator[Output]:
    known = read_known(
        reader.read("tagset"),
        reader.read("clusters"),
        reader.read("keywords", columns=["keyword", "tokens"]),
        read_named(reader).keywords,
    )
    keywords = judge_keywords(known)
    judge = Texts.of(known, keywords.scores)
    # Opened at the first text: many collections have none.
    opened = cache(
        partial(open_segmenter, settings.segmenting.words, settings.segmenting.reactions)
    )
    for block in reader.blocks:
        ids = reader.read("stickers", block, ["id"])["id"]
        evidence = Evidence.join(
            _from_keywords(carried_in(reader, block), known, keywords, settings.suggest_from),
            *(
                [_from_texts(reader, block, judge, opened)]
                if "ocr" in settings.suggest_from
                else []
            ),
        )
        tags, scored = suggest(evidence, known.tags, len(ids), settings.min_score, settings.most)
        versions = pa.array([known.version], pa.string()).take(pa.array([0] * len(ids), pa.int8()))
        columns = [ids, tags, scored, versions]
        yield "suggestions", block, pa.table(columns, schema=TABLES["suggestions"].schema)


def _from_keywords(
    carried: pa.Table, known: KnownTags, keywords: KeywordScores, chosen: Collection[str]
) -> Evidence:
    """What the keywords of stickers say, by those of their sources that are ``chosen``."""
    place = pc.index_in(carried["keyword"], value_set=known.keywords)
    places = pc.fill_null(place, -1).to_numpy().astype(np.int64)
    wanted = np.isin(keywords.sources, [SOURCES.index(name) for name in chosen])
    said = np.flatnonzero(places >= 0)
    said = said[(wanted & (keywords.scores > 0))[places[said]]]
    stickers, places = carried["sticker"].to_numpy().astype(np.int64)[said], places[said]
    return Evidence(
        stickers, known.keyword_tags[places], keywords.sources[places], keywords.scores[places]
    )


def _from_texts(
    reader: Reader, block: Sequence[int], judge: Texts, opened: Callable[[], Segmenter]
) -> Evidence:
    """What the texts on kept stickers say: the likelier, the better they were read."""
    found = texts_of(reader.read("ocr", block, ["id", "text", "lines"]), kept_in(reader, block))
    words = [opened()(text) for text in found.texts]
    rows, tags, scores = judge.judge(found.texts, words)
    # From each different text to all stickers that show it.
    begins = np.searchsorted(rows, found.places)
    counts = np.searchsorted(rows, found.places, side="right") - begins
    owner = np.repeat(np.arange(len(found.places)), counts)
    at = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts) + begins[owner]
    sources = np.full(len(owner), SOURCES.index("ocr"))
    return Evidence(found.stickers[owner], tags[at], sources, scores[at] * found.scores[owner])


SUGGESTIONS = Step(
    name="suggestions",
    version=3,
    reads=(
        "stickers",
        "observations",
        "decisions",
        "keywords",
        "clusters",
        "tagset",
        "named_tags",
        "named_keywords",
        "ocr",
    ),
    writes=("suggestions",),
    settings=_settings,
    run=_suggestions,
    optional=("named_tags", "named_keywords", "ocr"),
)
