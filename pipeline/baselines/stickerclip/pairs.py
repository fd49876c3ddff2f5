"""Stickers with their texts: how batches of both are drawn, and how all of them are embedded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pipeline.baselines.stickerclip.config import StickerClipConfig
from pipeline.baselines.stickerclip.model import StickerClip
from pipeline.baselines.stickerclip.text import Tokenizer, join_fields, text_fields
from pipeline.training.arrays import Images
from pipeline.training.examples import Dataset, Examples, choose
from pipeline.training.frames import ENDS
from pipeline.training.loading import Batch, default_workers, load_batches
from pipeline.training.prepared import Frames

_ROWS = 64


@dataclass(frozen=True)
class Pairs:
    """Rows by number: frames, text fields, and ``groups`` (N,), equal where texts are equal."""

    frames: Frames
    fields: tuple[tuple[str, ...], ...]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.fields)


def read_examples(dataset: Dataset, split: str, settings: StickerClipConfig) -> Examples:
    """Rows of a split that have any text, with first, middle and last frames."""
    examples = dataset.read(split, settings.image_side, ENDS, needs_targets=False)
    fields = _fields(examples, settings)
    return choose(examples, lambda row: bool(fields[row]), "have no text and were not used")


def open_pairs(examples: Examples, settings: StickerClipConfig) -> Pairs:
    """Rows as pairs; texts are equal when their fields are, in whatever order."""
    fields = _fields(examples, settings)
    _, groups = np.unique([join_fields(row) for row in fields] or [""], return_inverse=True)
    return Pairs(examples.frames, tuple(fields), groups[: len(fields)].astype(np.int64))


def count_batches(rows: int, settings: StickerClipConfig) -> int:
    """Batches of an epoch."""
    return -(-rows // settings.batch_size)


def draw_batch(
    pairs: Pairs, tokenize: Tokenizer, settings: StickerClipConfig, key: tuple[int, int, int]
) -> Batch:
    """A batch of an epoch by (seed, epoch, number): frames, counts, ids, mask, groups.

    Fields are shuffled and images cropped by chance. Every row comes once an epoch; the last
    batch is filled up by the epoch's first rows, as in the released code: with fewer negatives
    its loss would be another one.
    """
    seed, epoch, number = key
    order = np.random.default_rng((seed, epoch)).permutation(len(pairs))
    size = min(settings.batch_size, len(pairs))
    rows = np.take(order, range(number * size, (number + 1) * size), mode="wrap")
    random = np.random.default_rng(key)
    texts = [join_fields(pairs.fields[row], random) for row in rows]
    frames = [crop(pairs.frames[int(row)], settings.crop, random) for row in rows]
    return (*_stack(frames), *_tokens(texts, tokenize), torch.from_numpy(pairs.groups[rows]))


def crop(frames: Images, least: float, random: np.random.Generator) -> Images:
    """One random part of all frames (F, S, S, 3), from ``least`` of the area up, at full size.

    Its proportions are between 3:4 and 4:3, as in the released code.
    """
    if least >= 1:
        return frames
    side = frames.shape[1]
    area = random.uniform(least, 1) * side**2
    ratio = np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
    width, height = np.minimum(side, [np.sqrt(area * ratio), np.sqrt(area / ratio)])
    left, top = random.uniform(0, side - width), random.uniform(0, side - height)
    box = (left, top, left + width, top + height)
    return np.stack(
        [
            np.asarray(
                Image.fromarray(frame).resize((side, side), Image.Resampling.BICUBIC, box=box)
            )
            for frame in frames
        ]
    )


def embed_pairs(model: StickerClip, pairs: Pairs, tokenize: Tokenizer) -> tuple[Tensor, Tensor]:
    """Embeddings of all images and all texts, fields in fixed order: (N, D) each."""
    images = embed_frames(model, lambda row: pairs.frames[row], len(pairs))
    return images, embed_texts(model, [join_fields(row) for row in pairs.fields], tokenize)


def embed_frames(model: StickerClip, frames: Callable[[int], Images], rows: int) -> Tensor:
    """Embeddings (rows, D) of stickers by number, each with frames (F, S, S, 3)."""
    device = next(model.parameters()).device

    def draw(number: int) -> Batch:
        chosen = range(number * _ROWS, min((number + 1) * _ROWS, rows))
        return _stack([frames(row) for row in chosen])

    numbers = range(-(-rows // _ROWS))
    parts = [torch.zeros(0, model.config.embed_dim, device=device)]
    model.eval()
    with torch.inference_mode():
        for batch in load_batches(draw, numbers, str(device), default_workers(str(device))):
            stacked, counts = batch
            parts.append(model.embed_images(stacked.to(device), counts.to(device)))
    return torch.cat(parts)


def embed_texts(model: StickerClip, texts: Sequence[str], tokenize: Tokenizer) -> Tensor:
    """Embeddings (N, D) of texts; equal texts have equal ones."""
    device = next(model.parameters()).device
    distinct = sorted(set(texts))
    parts = [torch.zeros(0, model.config.embed_dim, device=device)]
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(distinct), _ROWS):
            ids, mask = _tokens(distinct[start : start + _ROWS], tokenize)
            parts.append(model.embed_texts(ids.to(device), mask.to(device)))
    place = {text: n for n, text in enumerate(distinct)}
    return torch.cat(parts)[[place[text] for text in texts]]


def _fields(examples: Examples, settings: StickerClipConfig) -> list[tuple[str, ...]]:
    return [
        text_fields(texts, tags, settings.ocr_length)
        for texts, tags in zip(examples.texts, examples.targets, strict=True)
    ]


def _stack(frames: Sequence[Images]) -> Batch:
    counts = torch.tensor([len(each) for each in frames])
    return torch.from_numpy(np.concatenate(frames)), counts


def _tokens(texts: Sequence[str], tokenize: Tokenizer) -> Batch:
    """Ids and mask as long as the longest text: to attend to padding costs as much as to words."""
    ids, mask = tokenize(texts)
    longest = int(mask.sum(1).max())
    return torch.from_numpy(ids[:, :longest]), torch.from_numpy(mask[:, :longest])
