"""What a baseline is: a value in the group ``stickerworks.baselines``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.training.arrays import Floats, Images

if TYPE_CHECKING:
    from pipeline.training.examples import Dataset, Use
    from pipeline.training.loop import Point, Training  # torch: naming one needn't load it

_AT_LEAST = 8


@dataclass(frozen=True)
class Prepared:
    """What ``train`` runs: the loop's input and, in ``facts``, what a trained model needs to know.

    ``facts`` is JSON-able and names the data (a digest), so that a run is never continued on
    other data. ``rows`` counts train rows; ``notes`` are for people. ``settings`` are those that
    files named in them called for [as they were given].
    """

    task: Training
    facts: dict[str, Any]
    rows: int
    notes: tuple[str, ...] = ()
    settings: Any = None


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


@dataclass(frozen=True)
class GateScore:
    """What a trained model is worth on the validation rows, for the gate.

    ``resample`` maps how often each row counts (resamples x rows) to the ``figure``, one for each
    resample; higher is better. ``permute`` maps orders of the rows (permutations x rows) to the
    figure when row n is judged by the truth of row order[n]; None where that can't be had.
    ``curve`` is the run's, ``table`` shows more metrics, ``uses`` say what became of the rows of
    each split, ``notes`` are for people.
    """

    figure: str
    resample: Callable[[Floats], Floats]
    permute: Callable[[NDArray[np.int64]], Floats] | None
    rows: int
    curve: tuple[Point, ...]
    table: Mapping[str, Mapping[str, float]]
    uses: Mapping[str, Use]
    notes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class NotJudgedError(Exception):
    """Why a release can't be judged, and what became of its rows."""

    def __init__(self, reason: str, uses: Mapping[str, Use]) -> None:
        super().__init__(reason)
        self.reason, self.uses = reason, uses


def check_sizes(uses: Mapping[str, Use]) -> None:
    """Raise NotJudgedError when a split has too few rows to learn from or to be judged on."""
    for split, use in uses.items():
        if use.used < _AT_LEAST:
            reason = (
                f"{split} has {use.used} usable rows of {use.in_split}; {_AT_LEAST} are needed "
                f"({use.without_targets} have no tags, {use.without_image} no image, "
                f"{len(use.unreadable)} can't be decoded)"
            )
            raise NotJudgedError(reason, uses)


@dataclass(frozen=True)
class NewSticker:
    """A new sticker: its file's bytes, and texts by column name where there are any."""

    data: bytes
    texts: Mapping[str, str] = field(default_factory=dict)


class UnreadableImageError(ValueError):
    """The image of that number among those given can't be decoded."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(number, reason)
        self.number = number
        self.reason = reason


Prediction = tuple[tuple[str, float], ...]
"""A sticker's tags with their scores, the highest first."""

HeatMaps = Mapping[str, NDArray[np.float32]]
"""Where a model looks, by the name of the map: (h, w), 0 to 1."""


@dataclass(frozen=True)
class Baseline:
    """A named model; what it can't do is None.

    ``presets`` maps names to flat frozen dataclasses of JSON-able values with a field ``epochs``.
    All functions are called seeded, see ``training.reproducible``.

    - ``prepare`` gets data set, settings and seed.
    - ``evaluate`` gets data set and split.
    - ``judge`` trains for the gate, and must give the same for the same arguments; it raises
      NotJudgedError when the data allow no judgement.
    - ``predict`` gives tags for new stickers, ``attention`` where the model looks at them; they
      raise UnreadableImageError for files that can't be decoded.
    - ``generate`` makes a clip (frames x height x width x 3) for each caption, drawn by a seed.
    """

    name: str
    doc: str
    presets: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Dataset, Any, int], Prepared] | None = None
    evaluate: Callable[[Trained, Dataset, str], Evaluation] | None = None
    judge: Callable[[Dataset, Any, int], GateScore] | None = None
    predict: Callable[[Trained, Sequence[NewSticker]], list[Prediction]] | None = None
    attention: Callable[[Trained, Sequence[NewSticker]], list[HeatMaps]] | None = None
    generate: Callable[[Trained, Sequence[str], int], list[Images]] | None = None
