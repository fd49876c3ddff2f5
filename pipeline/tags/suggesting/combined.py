"""What several sources say of stickers as one list of tags each, the likeliest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.engine.columns import lists_of
from schemas.tables import SUGGESTION

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SOURCES = ("cluster", "keyword", "ocr")
# The last digits differ between processors; a table's bytes must not.
_DIGITS = 4


@dataclass(frozen=True)
class Evidence:
    """Row by row: a sticker, a tag, the place in SOURCES of what suggests it, a score."""

    stickers: Ints
    tags: Ints
    sources: Ints
    scores: Floats

    @classmethod
    def join(cls, *parts: Evidence) -> Evidence:
        """All rows of several."""
        names = ("stickers", "tags", "sources", "scores")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def suggest(
    evidence: Evidence, tags: pa.Array, count: int, min_score: float, most: int
) -> tuple[pa.ListArray, pa.ListArray]:
    """Columns ``tags`` and ``scored`` of ``count`` stickers.

    A source counts once a tag, with its highest score; several are taken as independent: the
    score is the probability that not all of them are wrong. Tags of at least ``min_score`` are
    suggested, at most ``most`` a sticker. ``tags`` are sorted.
    """
    pairs, scores, offsets, sources = _by_pair(evidence, max(1, len(tags)))
    stickers, places = pairs // max(1, len(tags)), pairs % max(1, len(tags))
    enough = np.flatnonzero(scores >= min_score)
    order = enough[np.lexsort((places[enough], -scores[enough], stickers[enough]))]
    chosen = order[_rank(stickers[order]) < most]
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), sources).take(pa.array(chosen))
    named = tags.take(pa.array(places[chosen]))
    scored = pa.StructArray.from_arrays(
        [named, pa.array(scores[chosen]), lists], fields=list(SUGGESTION)
    )
    sorted_ = np.sort(chosen)  # pairs go by sticker and tag
    plain = tags.take(pa.array(places[sorted_]))
    return lists_of(stickers[sorted_], plain, count), lists_of(stickers[chosen], scored, count)


def _by_pair(evidence: Evidence, width: int) -> tuple[Ints, Floats, Ints, pa.Array]:
    """Distinct pairs of sticker and tag with their scores and lists of sources."""
    kinds = len(SOURCES)
    keys = (evidence.stickers * width + evidence.tags) * kinds + evidence.sources
    says = np.flatnonzero(evidence.scores > 0)
    order = says[np.argsort(keys[says], kind="stable")]
    each, first = np.unique(keys[order], return_index=True)
    if not len(each):
        return each, np.zeros(0), np.zeros(1, np.int64), pa.array([], pa.string())
    best = np.maximum.reduceat(evidence.scores[order], first)
    pairs, begins = np.unique(each // kinds, return_index=True)
    scores = 1 - np.multiply.reduceat(1 - best, begins)
    names = pa.array(SOURCES, pa.string()).take(pa.array(each % kinds))
    return pairs, np.round(scores, _DIGITS), np.append(begins, len(each)), names


def _rank(stickers: Ints) -> Ints:
    """How many rows of the same sticker stand before each; ``stickers`` ascend."""
    return np.arange(len(stickers)) - np.searchsorted(stickers, stickers)
