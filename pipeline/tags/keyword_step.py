"""The step from observations to segmented keywords (StickerTAG section 3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import pyarrow as pa

from pipeline.engine.paths import named_path
from pipeline.engine.stage import Output, Reader, Step
from pipeline.tags.carried import carried_in
from pipeline.tags.segment import open_segmenter
from pipeline.tags.words import STICKER_WORDS, read_dictionary, read_reactions
from schemas.config import Config
from schemas.section import Section
from schemas.tables import TABLES


class KeywordSettings(Section):
    """What decides the words of a keyword: the word lists themselves, so that an edit shows."""

    words: tuple[str, ...]
    reactions: tuple[str, ...]
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
        libraries={name: version(name) for name in ("jieba", "rjieba", "stopwordsiso")},
    )


def _keywords(reader: Reader, settings: KeywordSettings) -> Iterator[Output]:
    empty = pa.table({"keyword": pa.array([], pa.string()), "stickers": pa.array([], pa.int64())})
    counts = [empty]
    for block in reader.blocks:
        carried = carried_in(reader, block).group_by("keyword").aggregate([([], "count_all")])
        counts.append(carried.rename_columns(empty.column_names))
    total = pa.concat_tables(counts).group_by("keyword").aggregate([("stickers", "sum")])
    total = total.rename_columns(empty.column_names).sort_by("keyword")
    segment = open_segmenter(settings.words, settings.reactions)
    tokens = pa.array(map(segment, total["keyword"].to_pylist()), pa.list_(pa.string()))
    rows = pa.table([total["keyword"], tokens, total["stickers"]], schema=TABLES["keywords"].schema)
    yield "keywords", None, rows


KEYWORDS = Step(
    name="keywords",
    version=1,
    reads=("observations", "decisions"),
    writes=("keywords",),
    settings=_keyword_settings,
    run=_keywords,
)
