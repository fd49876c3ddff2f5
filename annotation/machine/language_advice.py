"""Which language captions should be asked for first, by the texts on and about the stickers."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.workspace import Workspace
from schemas.config import Config

_FEWEST, _MOST_SHARDS = 10, 20
_MOSTLY = 0.6
_TEXTS = (("ocr", "text"), ("observations", "query"))


def chinese_share(workspace: Workspace) -> float | None:
    """Share of the texts that were read on stickers, and of the words that they were found under,
    that is Chinese; of twenty shards at most. None where there are too few texts to tell."""
    texts = chinese = 0
    for column in _texts(workspace):
        said = column.filter(pc.match_substring_regex(column, r"\pL"))
        han = pc.match_substring_regex(said, r"\p{Han}")
        kana = pc.match_substring_regex(said, r"[\p{Hiragana}\p{Katakana}]")
        texts += len(said)
        chinese += pc.sum(pc.and_not(han, kana)).as_py() or 0
    return chinese / texts if texts >= _FEWEST else None


def advise_languages(workspace: Workspace, config: Config) -> str | None:
    """What to set where most texts are Chinese and captions begin with English; else None."""
    if config.annotate.languages[0] == "zh":
        return None
    share = chinese_share(workspace)
    if share is None or share < _MOSTLY:
        return None
    return (
        f"{share:.0%} of the texts on and about the stickers are Chinese: with annotate.languages: "
        "[zh, en] a model describes them in Chinese first, and the English follows from that."
    )


def _texts(workspace: Workspace) -> Iterator[pa.ChunkedArray]:
    parts = list(workspace.parts)
    for part in parts[:: max(1, len(parts) // _MOST_SHARDS)][:_MOST_SHARDS]:
        for table, column in _TEXTS:
            if workspace.has(table, part):
                yield pc.drop_null(workspace.read(table, part, [column])[column])
