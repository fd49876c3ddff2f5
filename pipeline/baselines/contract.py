"""What a baseline is: a value in the group ``stickerworks.baselines``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
"""Images, rows x side x side x 3 (RGB), 0 to 255."""

Truth = NDArray[np.bool_]
"""Tags, rows x tags: true where the row carries the tag."""

Scores = NDArray[np.float64]
"""Scores, rows x tags, 0 to 1; higher means more likely."""


@dataclass(frozen=True)
class Budget:
    """What both runs of the gate get: passes over the train rows, and the seed."""

    epochs: int
    seed: int


@dataclass(frozen=True)
class Epoch:
    """One point of a learning curve: mean train loss, and validation mAP after it."""

    epoch: int
    loss: float
    map: float


@dataclass(frozen=True)
class Run:
    """A trained model's scores of the validation rows after the last epoch, and its curve."""

    scores: Scores
    curve: tuple[Epoch, ...]


@dataclass(frozen=True)
class Labelled:
    """Rows to learn from or to be judged on."""

    images: Images
    truth: Truth


@dataclass(frozen=True)
class Baseline:
    """A named model; ``train`` must give the same run for the same arguments."""

    name: str
    doc: str
    train: Callable[[Labelled, Labelled, Budget], Run]
