"""A sticker's text: up to five fields, joined in any order; and the tokens that a model reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.stickerclip.config import StickerClipConfig
from pipeline.engine.extras import need_extra
from pipeline.training.pretrained import load_pretrained
from pipeline.training.texts import HashTokenizer

Ids = NDArray[np.int64]
Tokenizer = Callable[[Sequence[str]], tuple[Ids, Ids]]
"""Texts to ids and mask, each (N, context) int64."""

SEPARATOR = "；"
"""The full-width semicolon that stands between fields."""

TAGS = "tags"

FIELDS: Mapping[str, tuple[str, ...]] = {
    "caption": ("caption_zh", "caption_en"),
    "ocr": ("ocr_text", "content"),
    "emotion": ("emotion",),
    "style": ("style", "domain"),
    TAGS: (),
}
"""Columns of each field, the best first, in the order of evaluation; tags are a row's targets."""


def text_fields(
    texts: Mapping[str, str], tags: Collection[str], ocr_length: int
) -> tuple[str, ...]:
    """The fields that a row has, each on one line, in the order of ``FIELDS``.

    The text on the sticker is cut to ``ocr_length`` characters. Sticker820K's own fields are
    caption, class and label of the emotion, style and OCR; its label stands here as the tag.
    """
    found = {
        name: next((flat for column in columns if (flat := _flat(texts.get(column, "")))), "")
        for name, columns in FIELDS.items()
    }
    found["ocr"] = found["ocr"][:ocr_length].strip()
    found[TAGS] = "，".join(sorted(flat for tag in tags if (flat := _flat(tag))))
    return tuple(field for field in found.values() if field)


def join_fields(fields: Sequence[str], random: np.random.Generator | None = None) -> str:
    """Fields as one text, shuffled by ``random`` (training) or as they stand (evaluation).

    Lower case with plain quotation marks, as the vocabulary of Chinese BERT has them.
    """
    order = range(len(fields)) if random is None else random.permutation(len(fields))
    joined = SEPARATOR.join(fields[n] for n in order)
    return joined.lower().replace("“", '"').replace("”", '"')


def open_tokenizer(settings: StickerClipConfig) -> Tokenizer:
    """The tokenizer of the pretrained weights, else one that hashes words.

    Raises StickerworksError when the pretrained one can't be had.
    """
    if settings.weights is None:
        return HashTokenizer(settings.vocab_size, settings.context)
    transformers = need_extra("transformers", "baselines", "StickerCLIP")
    tokenizer = load_pretrained(transformers.AutoTokenizer.from_pretrained, settings.weights)

    def tokenize(texts: Sequence[str]) -> tuple[Ids, Ids]:
        # One by one: a list would start threads, which don't survive the fork of workers.
        rows = [
            tokenizer(text, truncation=True, max_length=settings.context, padding="max_length")
            for text in texts
        ]
        shape = (len(rows), settings.context)
        ids = np.array([row["input_ids"] for row in rows], np.int64).reshape(shape)
        mask = np.array([row["attention_mask"] for row in rows], np.int64).reshape(shape)
        return ids, mask

    return tokenize


def _flat(text: str) -> str:
    return " ".join(text.split())
