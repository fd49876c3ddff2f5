"""Rows as a tagger sees them: images, features of their texts, and which tags are true."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.training.arrays import Images, Scores, Truth
from pipeline.training.contract import NewSticker, UnreadableImageError
from pipeline.training.examples import Examples
from pipeline.training.frames import (
    UNREADABLE,
    decode_key_frame,
    from_jpegs,
    tell_unreadable,
    to_jpeg,
)
from pipeline.training.loading import Batch, default_workers, load_batches
from pipeline.training.prepared import Frames
from pipeline.training.tagger import Inputs, Tagger
from pipeline.training.texts import TextFeatures, text_features
from pipeline.training.views import view_texts


@dataclass(frozen=True)
class TagRows:
    """Rows by number; ``images[n]`` is (1, S, S, 3), ``text`` holds each row's views in a row."""

    images: Frames | Images
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


def open_rows(tagger: Tagger, examples: Examples, tags: Sequence[str], settings: Any) -> TagRows:
    """Rows of a split, their texts encoded."""
    views, text = len(tagger.views(settings)), _encode(tagger, examples.texts, settings)
    return TagRows(examples.frames, text, views, label_truth(examples, tags))


def new_rows(tagger: Tagger, stickers: Sequence[NewSticker], tags: int, settings: Any) -> TagRows:
    """Rows of new stickers; raises UnreadableImageError for the first that can't be decoded."""
    images = decode_all([sticker.data for sticker in stickers], settings.image_side)
    text = _encode(tagger, [sticker.texts for sticker in stickers], settings)
    truth = np.zeros((len(stickers), tags), bool)
    return TagRows(images[:, None], text, len(tagger.views(settings)), truth)


def draw_batch(tagger: Tagger, rows: TagRows, settings: Any, key: tuple[int, int, int]) -> Batch:
    """A batch of an epoch by (seed, epoch, number), changed by chance.

    An epoch is as long as there are rows: each once, or so often in a row as ``repeats`` says
    until the epoch is over (repeated augmentation, Hoffer et al., 2020).
    """
    seed, epoch, number = key
    order = np.random.default_rng((seed, epoch)).permutation(len(rows))
    order = np.repeat(order, tagger.repeats(settings))[: len(rows)]
    chosen = order[number * settings.batch_size : (number + 1) * settings.batch_size]
    augment, random = tagger.augment, np.random.default_rng(key)
    change = (lambda image: augment(image, random, settings)) if augment else None
    return rows.draw(chosen.tolist(), change)


def score_rows(tagger: Tagger, model: nn.Module, rows: TagRows, settings: Any) -> Scores:
    """Scores of all rows, in order."""
    parts = [
        tagger.scores(model, inputs).double().cpu().numpy()
        for inputs, _ in _in_order(model, rows, settings)
    ]
    return np.concatenate(parts) if parts else np.zeros(rows.truth.shape)


def judge_rows(
    tagger: Tagger, model: nn.Module, rows: TagRows, settings: Any
) -> tuple[Scores, float]:
    """Scores of all rows, in order, and their mean loss; NaN when there are none.

    The loss is taken over batches as large as in training, since that of MGHFT compares the rows
    of a batch.
    """
    parts, total, size = [], 0.0, settings.batch_size
    for inputs, truth in _in_order(model, rows, settings):
        parts.append(tagger.scores(model, inputs).double().cpu().numpy())
        for images, text, wanted in zip(
            *(torch.split(x, size) for x in (*inputs, truth)), strict=True
        ):
            loss = tagger.loss(model, Inputs(images, text), wanted)
            total += loss.item() * len(wanted)
    if not parts:
        return np.zeros(rows.truth.shape), math.nan
    return np.concatenate(parts), total / len(rows)


def _in_order(model: nn.Module, rows: TagRows, settings: Any) -> Iterator[tuple[Inputs, Tensor]]:
    """Batches of all rows with their truth, on the device of the model, which is set to judge."""
    size = max(32, settings.batch_size)
    model.eval()
    device = str(next(model.parameters()).device)

    def draw(number: int) -> Batch:
        return rows.draw(range(number * size, min((number + 1) * size, len(rows))))

    numbers = range(-(-len(rows) // size))
    with torch.inference_mode():
        for batch in load_batches(draw, numbers, device, default_workers(device)):
            images, text, truth = (part.to(device) for part in batch)
            yield Inputs(images, text), truth


def learnable_tags(train: Examples) -> tuple[str, ...]:
    """The layout's classes, else the tags that stand on two or more train rows, sorted."""
    if train.classes:
        return train.classes
    counts = Counter(tag for target in train.targets for tag in target)
    return tuple(sorted(tag for tag, count in counts.items() if count >= 2))


def label_truth(examples: Examples, tags: Sequence[str]) -> Truth:
    """The truth of each of ``tags``, rows x tags; other tags are left out."""
    truth = np.zeros((len(examples), len(tags)), bool)
    column = {tag: n for n, tag in enumerate(tags)}
    for row, target in enumerate(examples.targets):
        truth[row, [column[tag] for tag in target if tag in column]] = True
    return truth


def decode_all(images: Sequence[bytes], side: int) -> Images:
    """Key frames of files; raises UnreadableImageError for the first that has none."""
    decoded = []
    for number, data in enumerate(images):
        try:
            frame = decode_key_frame(data, side)
        except UNREADABLE as error:
            raise UnreadableImageError(number, tell_unreadable(error)) from error
        # Through JPEG, as the frames that the model learnt from.
        decoded.append(from_jpegs([to_jpeg(frame)])[0])
    return np.stack(decoded)


def _encode(
    tagger: Tagger, texts: Sequence[Mapping[str, str]], settings: Any
) -> TextFeatures | None:
    """Features of each row's views, one after another; None for a tagger that reads no text."""
    views, spec = tagger.views(settings), tagger.encoder(settings)
    if not views or spec is None:
        return None
    phrased = [tagger.phrase(settings, row) for row in view_texts(texts, views)]
    return text_features([text for row in phrased for text in row], spec)
