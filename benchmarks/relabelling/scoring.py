"""A small network's scores of stickers that it never saw, taught by the labels as they are."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.relabelling.drawn import SIDE
from pipeline.baselines.tiny.trainer import BASELINE, TinyNet, TinySettings
from pipeline.training.tagger import Inputs

_SETTINGS = TinySettings(image_side=SIDE)


def score_across(
    images: NDArray[np.uint8], labels: NDArray[np.bool_], seed: int, epochs: int = 20
) -> NDArray[np.float64]:
    """Rows x tags; each half of the rows is scored by a network that learnt from the other."""
    half = np.random.default_rng((seed, 4)).permutation(len(images)) % 2
    scores = np.zeros(labels.shape)
    for number in (0, 1):
        taught = (half != number) & labels.any(1)
        model = train(images[taught], labels[taught], seed, epochs)
        scores[half == number] = score(model, images[half == number])
    return scores


def train(images: NDArray[np.uint8], labels: NDArray[np.bool_], seed: int, epochs: int) -> TinyNet:
    """The baseline tiny, fitted as `stickerworks train` fits it, but that nothing is kept."""
    torch.manual_seed(seed)
    random = np.random.default_rng((seed, 5))
    model = TinyNet(labels.shape[1], _SETTINGS.channels)
    batches = -(-len(images) // 32)
    optimiser = torch.optim.AdamW(model.parameters(), lr=_SETTINGS.learning_rate)
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _SETTINGS.learning_rate, total_steps=epochs * batches, pct_start=0.1
    )
    for _ in range(epochs):
        for rows in np.array_split(random.permutation(len(images)), batches):
            changed = np.stack([BASELINE.augment(images[row], random, _SETTINGS) for row in rows])
            loss = BASELINE.loss(model, _inputs(changed), torch.tensor(labels[rows]).float())
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            rates.step()
    return model.eval()


def score(model: TinyNet, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Rows x tags."""
    with torch.no_grad():
        parts = [
            BASELINE.scores(model, _inputs(images[first : first + 256])).double().numpy()
            for first in range(0, len(images), 256)
        ]
    return np.concatenate(parts)


def _inputs(images: NDArray[np.uint8]) -> Inputs:
    seen = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    return Inputs(seen, torch.zeros(len(images), 0))
