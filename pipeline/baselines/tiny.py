"""A small convolutional network: what a release must beat chance with, in seconds on a CPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.baselines.contract import Baseline, Budget, Epoch, Images, Labelled, Run, Scores
from pipeline.baselines.metrics import mean_average_precision
from pipeline.baselines.training import Schedule, reproducible, train_model

_BATCH = 16
_CHANNELS = (32, 64, 96)
_LEARNING_RATE = 3e-3
_SHIFT = 3


class TinyNet(nn.Module):
    """Three convolutions, each halving the side; global mean and maximum; one linear layer.

    Input rows x 3 x side x side, 0 to 1; output rows x tags, logits.
    """

    def __init__(self, tags: int) -> None:
        super().__init__()
        first, second, third = _CHANNELS
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
    curve: list[Epoch] = []
    with reproducible(budget.seed):
        model = TinyNet(train.truth.shape[1])
        steps = -(-len(train.images) // _BATCH)

        def measure(epoch: int, loss: float) -> None:
            scores = _score(model, validation.images)
            curve.append(Epoch(epoch, loss, mean_average_precision(scores, validation.truth)))

        train_model(
            model,
            lambda epoch: _batches(train, np.random.default_rng((budget.seed, epoch))),
            lambda net, batch: nn.functional.binary_cross_entropy_with_logits(
                net(batch[0]), batch[1]
            ),
            Schedule(budget.epochs, steps, _LEARNING_RATE, warmup_steps=min(10, steps)),
            each_epoch=measure,
        )
        return Run(_score(model, validation.images), tuple(curve))


BASELINE = Baseline(
    name="tiny",
    doc="Small CNN on the first frame; binary cross-entropy, AdamW, cosine; seconds on a CPU.",
    train=train_tiny,
)


def _block(convolution: nn.Conv2d) -> tuple[nn.Module, ...]:
    return convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()


def _batches(rows: Labelled, random: np.random.Generator) -> Iterator[tuple[Tensor, ...]]:
    order = random.permutation(len(rows.images))
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        images = _augment(rows.images[chosen], random)
        yield _to_tensor(images), torch.from_numpy(rows.truth[chosen].astype(np.float32))


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
    with torch.inference_mode():
        parts = [
            torch.sigmoid(model(_to_tensor(images[start : start + 256])))
            for start in range(0, len(images), 256)
        ]
    scores: Scores = torch.cat(parts).double().numpy()
    return scores


def _to_tensor(images: Images) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float() / 255
