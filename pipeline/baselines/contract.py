"""What a baseline is: a value in the group ``stickerworks.baselines``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pipeline.baselines.training import Training  # torch, which naming a baseline needn't load

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
class Prepared:
    """What ``train`` runs: the loop's input and, in ``facts``, what a trained model needs to know.

    ``facts`` is JSON-able and names the data (a digest), so that a run is never continued on
    other data. ``rows`` counts train rows; ``notes`` are for people.
    """

    task: Training
    facts: dict[str, Any]
    rows: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trained:
    """A run's settings, facts and file of weights."""

    settings: Any
    facts: dict[str, Any]
    weights: Path


@dataclass(frozen=True)
class Evaluation:
    """Metrics in a table, ``rows`` by name, and below it single figures and notes."""

    rows: Mapping[str, Mapping[str, float]]
    figures: Mapping[str, float]
    notes: tuple[str, ...] = ()


class UnreadableImageError(ValueError):
    """The image of that number among those given can't be decoded."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(number, reason)
        self.number = number
        self.reason = reason


Prediction = tuple[tuple[str, float], ...]
"""A sticker's tags with their scores, the highest first."""


@dataclass(frozen=True)
class Baseline:
    """A named model.

    ``train`` serves the gate and must give the same run for the same arguments. The others serve
    the commands of the same names: ``presets`` maps names to flat frozen dataclasses of JSON-able
    values with a field ``epochs``; ``prepare`` gets release, settings and seed and is called
    seeded; ``evaluate`` gets release and split; ``predict`` gets the bytes of images and raises
    UnreadableImageError for those that it can't decode. What a baseline can't do is None.
    """

    name: str
    doc: str
    train: Callable[[Labelled, Labelled, Budget], Run] | None = None
    presets: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Path, Any, int], Prepared] | None = None
    evaluate: Callable[[Trained, Path, str], Evaluation] | None = None
    predict: Callable[[Trained, Sequence[bytes]], list[Prediction]] | None = None
