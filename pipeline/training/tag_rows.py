"""Rows as a torch tagger sees them: images, features of their texts, and which tags are true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.training.arrays import Images, Truth
from pipeline.training.examples import Examples
from pipeline.training.loading import Batch
from pipeline.training.prepared import Frames
from pipeline.training.texts import TextFeatures, TextSpec, text_features
from pipeline.training.views import view_texts


def _as_they_are(texts: Sequence[str]) -> Sequence[str]:
    return texts


@dataclass(frozen=True)
class TextViews:
    """The texts that a tagger reads (see ``views.py``), what encodes them, and how they are put.

    ``phrase`` rewrites a sticker's texts before they are encoded.
    """

    views: tuple[str, ...]
    encoder: TextSpec
    phrase: Callable[[Sequence[str]], Sequence[str]] = _as_they_are


@dataclass(frozen=True)
class TagRows:
    """Rows by number; ``images[n]`` is (1, S, S, 3), ``text`` holds each row's views in a row."""

    images: Frames
    text: TextFeatures | None
    views: int
    truth: Truth

    def __len__(self) -> int:
        return len(self.truth)

    def draw(self, rows: Sequence[int], change: Callable[[Images], Images] | None = None) -> Batch:
        """Images, texts and truth of some rows, images perhaps changed."""
        images = [self.images[row][0] for row in rows]
        stacked = np.stack([change(image) for image in images] if change else images)
        return (
            torch.from_numpy(np.ascontiguousarray(stacked.transpose(0, 3, 1, 2))).float() / 255,
            torch.from_numpy(self._text(np.asarray(rows, np.int64))),
            torch.from_numpy(self.truth[list(rows)].astype(np.float32)),
        )

    def _text(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.text is None:
            return np.zeros((len(rows), 0, 0), np.float32)
        return self.text[rows[:, None] * self.views + np.arange(self.views)]


def open_rows(examples: Examples, texts: TextViews | None) -> TagRows:
    """Rows with the features of each one's views, one after another; none without ``texts``."""
    if texts is None:
        return TagRows(examples.frames, None, 0, examples.truth)
    phrased = [texts.phrase(row) for row in view_texts(examples.texts, texts.views)]
    features = text_features([text for row in phrased for text in row], texts.encoder)
    return TagRows(examples.frames, features, len(texts.views), examples.truth)
