"""A small convolutional network: what a release must beat chance with, in seconds on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.baselines.checkpoint import load_weights
from pipeline.baselines.contract import (
    Baseline,
    Budget,
    Epoch,
    Evaluation,
    Images,
    Labelled,
    Prediction,
    Prepared,
    Run,
    Scores,
    Trained,
)
from pipeline.baselines.metrics import mean_average_precision
from pipeline.baselines.tagging import decode_all, evaluate_tagging, rank_tags, read_tagging
from pipeline.baselines.training import Batch, Schedule, Training, reproducible, train_model

_SHIFT = 3


@dataclass(frozen=True)
class TinySettings:
    """What decides a run beside the data and the seed; ``side`` in pixels."""

    epochs: int = 30
    side: int = 48
    batch: int = 16
    channels: tuple[int, int, int] = (32, 64, 96)
    learning_rate: float = 3e-3
    rows_at_most: int = 100_000


class TinyNet(nn.Module):
    """Three convolutions, each halving the side; global mean and maximum; one linear layer.

    Input rows x 3 x side x side, 0 to 1; output rows x tags, logits.
    """

    def __init__(self, tags: int, channels: tuple[int, int, int]) -> None:
        super().__init__()
        first, second, third = channels
        # The first layer strides: at full size it would take most of the time.
        self.blocks = nn.Sequential(
            *_block(nn.Conv2d(3, first, 5, stride=2, padding=2, bias=False)),
            *_block(nn.Conv2d(first, second, 3, padding=1, bias=False)),
            nn.MaxPool2d(2),
            *_block(nn.Conv2d(second, third, 3, padding=1, bias=False)),
            nn.MaxPool2d(2),
        )
        self.head = nn.Linear(2 * third, tags)

    def forward(self, images: Tensor) -> Tensor:
        features = self.blocks(images - 0.5)
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1)
        logits: Tensor = self.head(pooled)
        return logits


def train_tiny(train: Labelled, validation: Labelled, budget: Budget) -> Run:
    """Train on ``train`` and score ``validation``; nothing is chosen by the validation rows."""
    settings = TinySettings(epochs=budget.epochs)
    with reproducible(budget.seed):
        task = _make_training(train, validation, settings, budget.seed)
        curve = train_model(task)
        points = tuple(Epoch(point.epoch, point.loss, point.metrics["map"]) for point in curve)
        return Run(_score(task.model, validation.images), points)


def prepare_tiny(release: Path, settings: TinySettings, seed: int) -> Prepared:
    """Read a release and make the model that learns its tags."""
    data = read_tagging(release, settings.side, settings.rows_at_most)
    task = _make_training(data.train, data.validation, settings, seed)
    return Prepared(task, data.facts, len(data.train.images), data.notes)


def evaluate_tiny(run: Trained, release: Path, split: str) -> Evaluation:
    """Judge a run's tags on a split."""
    model = _load(run)
    return evaluate_tagging(
        release, split, run.facts["tags"], run.settings.side, lambda images: _score(model, images)
    )


def predict_tiny(run: Trained, images: Sequence[bytes]) -> list[Prediction]:
    """Tags of new stickers."""
    decoded = decode_all(images, run.settings.side)
    return rank_tags(_score(_load(run), decoded), run.facts["tags"])


BASELINE = Baseline(
    name="tiny",
    doc="Small CNN on the first frame; binary cross-entropy, AdamW, cosine; seconds on a CPU.",
    train=train_tiny,
    presets={
        "tiny": TinySettings(),
        "small": TinySettings(epochs=60, side=96, batch=64, channels=(64, 128, 256)),
    },
    prepare=prepare_tiny,
    evaluate=evaluate_tiny,
    predict=predict_tiny,
)


def _make_training(
    train: Labelled, validation: Labelled, settings: TinySettings, seed: int
) -> Training:
    batches = -(-len(train.images) // settings.batch)

    def evaluate(model: nn.Module) -> dict[str, float]:
        scores = _score(model, validation.images)
        return {"map": mean_average_precision(scores, validation.truth)}

    return Training(
        model=TinyNet(train.truth.shape[1], settings.channels),
        loss=lambda model, batch: nn.functional.binary_cross_entropy_with_logits(
            model(batch[0]), batch[1]
        ),
        batch=lambda epoch, number: _batch(train, settings.batch, (seed, epoch, number)),
        evaluate=evaluate,
        schedule=Schedule(
            settings.epochs, batches, settings.learning_rate, warmup_steps=min(10, batches)
        ),
        seed=seed,
    )


def _load(run: Trained) -> TinyNet:
    model = TinyNet(len(run.facts["tags"]), run.settings.channels)
    load_weights(run.weights, model)
    return model


def _block(convolution: nn.Conv2d) -> tuple[nn.Module, ...]:
    return convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()


def _batch(rows: Labelled, size: int, key: tuple[int, int, int]) -> Batch:
    """A batch of an epoch by (seed, epoch, number): every row once an epoch, moved by chance."""
    seed, epoch, number = key
    order = np.random.default_rng((seed, epoch)).permutation(len(rows.images))
    chosen = order[number * size : (number + 1) * size]
    images = _augment(rows.images[chosen], np.random.default_rng(key))
    return _to_tensor(images), torch.from_numpy(rows.truth[chosen].astype(np.float32))


def _augment(images: Images, random: np.random.Generator) -> Images:
    """Shift each image by a few pixels over white, and mirror half of them."""
    side = images.shape[1]
    width = ((0, 0), (_SHIFT, _SHIFT), (_SHIFT, _SHIFT), (0, 0))
    padded = np.pad(images, width, constant_values=255)
    moved = np.empty_like(images)
    for n, (down, right, mirror) in enumerate(
        zip(*random.integers(0, 2 * _SHIFT + 1, (2, len(images))), random.random(len(images)) < 0.5,
            strict=True)
    ):  # fmt: skip
        crop = padded[n, down : down + side, right : right + side]
        moved[n] = crop[:, ::-1] if mirror else crop
    return moved


def _score(model: nn.Module, images: Images) -> Scores:
    model.eval()
    device = next(model.parameters()).device
    with torch.inference_mode():
        # One chunk at least: a split without rows gives scores of shape 0 x tags.
        parts = [
            torch.sigmoid(model(_to_tensor(images[start : start + 256]).to(device)))
            for start in range(0, max(1, len(images)), 256)
        ]
    scores: Scores = torch.cat(parts).double().cpu().numpy()
    return scores


def _to_tensor(images: Images) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float() / 255
