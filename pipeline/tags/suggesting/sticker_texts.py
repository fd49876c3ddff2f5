"""Texts that were read on stickers, each different one once, and how well they were read."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import entries
from pipeline.tags.keywords import normalise

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MAX_CHARS = 400
# Captions are broken into lines, and drawn with gaps, in the middle of words.
_ACCOUNT = re.compile(r"[@＠][^\s@＠]{1,20}")
_GAP = re.compile(r"(?<=[㐀-䶿一-鿿])\s+(?=[㐀-䶿一-鿿])")


@dataclass(frozen=True)
class StickerTexts:
    """Stickers with a text, the place of theirs in ``texts``, and its lines' mean score."""

    stickers: Ints
    places: Ints
    scores: Floats
    texts: tuple[str, ...]


def texts_of(ocr: pa.Table, ids: pa.Array) -> StickerTexts:
    """Texts in the table ``ocr`` (id, text, lines) of stickers in ``ids``, which may hold nulls."""
    at = pc.index_in(ocr["id"], value_set=ids)
    has_text = pc.greater(pc.fill_null(pc.utf8_length(ocr["text"]), 0), 0)
    seen = ocr.append_column("sticker", at).filter(pc.and_(has_text, pc.is_valid(at)))
    different = seen["text"].combine_chunks().dictionary_encode()
    clean = [_read(text) for text in different.dictionary.to_pylist()]
    says = np.array([text is not None for text in clean], np.bool_)
    places = different.indices.to_numpy().astype(np.int64)
    told = says[places] if len(places) else np.zeros(0, np.bool_)
    number = np.cumsum(says) - 1
    return StickerTexts(
        stickers=seen["sticker"].to_numpy().astype(np.int64)[told],
        places=number[places[told]],
        scores=_mean_scores(seen["lines"])[told],
        texts=tuple(text for text in clean if text is not None),
    )


def _read(text: str) -> str | None:
    """A text as keywords are kept; None where it says nothing.

    Names of accounts are watermarks of those who made the sticker.
    """
    return normalise(_GAP.sub("", _ACCOUNT.sub(" ", text[:_MAX_CHARS])))


def _mean_scores(lines: pa.ChunkedArray) -> Floats:
    """Mean score of each row's lines; 1 where none has any."""
    rows, flat = entries(lines)
    values = pc.struct_field(flat, "score").to_numpy(zero_copy_only=False).astype(np.float64)
    given = ~np.isnan(values)
    counts = np.bincount(rows[given], minlength=len(lines))
    sums = np.bincount(rows[given], np.clip(values[given], 0, 1), minlength=len(lines))
    return np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)
