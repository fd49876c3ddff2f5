"""What a baseline is: a value in the group ``stickerworks.baselines``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline.training.arrays import Floats, Images, Scores, Truth
from pipeline.training.examples import Dataset, Examples, Use
from pipeline.training.frames import Pick

if TYPE_CHECKING:
    from torch import nn

    from pipeline.training.loop import Point, Training  # torch: naming one needn't load it

Table = Mapping[str, Mapping[str, float]]
"""Metrics: columns of each row, by name."""

Prediction = tuple[tuple[str, float], ...]
"""A sticker's tags with their scores, the highest first."""

HeatMaps = Mapping[str, NDArray[np.float32]]
"""Where a model looks, by the name of the map: (h, w), 0 to 1."""


class Settings(Protocol):
    """A flat frozen dataclass of JSON-able values; pixels of the square that the model sees."""

    @property
    def image_side(self) -> int: ...


S = TypeVar("S", bound=Settings)
S_contra = TypeVar("S_contra", bound=Settings, contravariant=True)
M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)
M_co = TypeVar("M_co", covariant=True)


@dataclass
class Run:
    """One fit: the seed of all its chance, rows that it may watch, and our loop.

    ``train`` is for what learns in epochs: the loop keeps checkpoints, so that a run goes on
    where it was interrupted, and a curve. ``note`` tells people what a fit found.
    """

    seed: int
    validation: Examples
    loop: Callable[[Training], tuple[Point, ...]]
    curve: tuple[Point, ...] = ()
    notes: list[str] = field(default_factory=list)

    def train(self, task: Training) -> None:
        """Train ``task.model`` in place."""
        self.curve = self.loop(task)

    def note(self, line: str) -> None:
        self.notes.append(line)


@runtime_checkable
class Learner(Protocol[S, M_co]):
    """A named model that learns from rows of a release; presets are settings by name.

    ``fit`` is called with python, numpy and torch seeded. What it returns is kept by us: an
    estimator of scikit-learn as it is, a torch model (see ``Builds``) by its weights.
    """

    name: str
    doc: str
    presets: Mapping[str, S]

    def fit(self, train: Examples, settings: S, run: Run) -> M_co: ...


@runtime_checkable
class Baseline(Learner[S, M], Protocol[S, M]):
    """A learner that scores tags: it can be trained, evaluated, predicted with and be the gate.

    ``score`` gives rows x ``examples.tags``, higher for what is more likely. It sees images and
    texts of rows alone: those of new stickers have no truth.
    """

    def score(self, model: M, examples: Examples, settings: S) -> Scores: ...


@runtime_checkable
class Builds(Protocol[S_contra]):
    """Its model is a torch module, built for its weights: ``pretrained`` is false where a run's
    own follow."""

    def build(self, settings: S_contra, tags: int, pretrained: bool) -> nn.Module: ...


@runtime_checkable
class Trusts(Protocol):
    """Types that its kept model may hold beyond those that skops reads from anyone.

    They are full names: ``sklearn.tree._tree.Tree``, which a forged file could crash.
    """

    trusted: tuple[str, ...]


@runtime_checkable
class Judges(Protocol[S_contra, M_contra]):
    """It is judged by other figures than those of tags."""

    def judge(self, model: M_contra, examples: Examples, settings: S_contra) -> Judged: ...

    def evaluate(self, model: M_contra, examples: Examples, settings: S_contra) -> Evaluation: ...


@runtime_checkable
class Details(Protocol):
    """Further figures and rows of an evaluation of tags."""

    def figures(self, scores: Scores, truth: Truth) -> Mapping[str, float]: ...

    def tables(self, scores: Scores, truth: Truth, tags: Sequence[str]) -> Table: ...


@runtime_checkable
class Reads(Protocol[S_contra]):
    """It reads other rows than those with tags; ``lacks`` says why they can't teach or judge.

    At least ``rows`` of them are needed.
    """

    def read(self, dataset: Dataset, split: str, settings: S_contra) -> Examples: ...

    def lacks(self, examples: Examples, settings: S_contra, rows: int) -> str | None: ...


@runtime_checkable
class Picks(Protocol):
    """It sees other frames of a new sticker than the key frame."""

    pick: Pick


@runtime_checkable
class Resolves(Protocol[S]):
    """Files named in its settings decide others; gives those, and notes for people."""

    def resolve(self, settings: S) -> tuple[S, tuple[str, ...]]: ...


@runtime_checkable
class Selects(Protocol[S_contra]):
    """The weights of its best epoch are kept, by a metric on a split [the last epoch]."""

    def selection(self, settings: S_contra) -> Selection | None: ...


@runtime_checkable
class Attends(Protocol[S_contra, M_contra]):
    """It can say where it looks."""

    def attention(
        self, model: M_contra, examples: Examples, settings: S_contra
    ) -> list[HeatMaps]: ...


@runtime_checkable
class Generates(Protocol[S_contra, M_contra]):
    """It draws a clip (frames x height x width x 3) for each caption."""

    def generate(
        self, model: M_contra, captions: Sequence[str], settings: S_contra, seed: int
    ) -> list[Images]: ...


@dataclass(frozen=True)
class Selection:
    """The metric by which an epoch is chosen, and the split that it is measured on."""

    metric: str
    split: str = "validation"


@dataclass(frozen=True)
class Trained:
    """A run's settings, facts and file of weights."""

    settings: Any
    facts: dict[str, Any]
    weights: Path


@dataclass(frozen=True)
class Evaluation:
    """Metrics in a table, ``rows`` by name, and below it single figures and notes."""

    rows: Table
    figures: Mapping[str, float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """What a model is worth on some rows, for the gate.

    ``resample`` maps how often each row counts (resamples x rows) to the ``figure``, one for each
    resample; higher is better. ``permute`` maps orders of the rows (permutations x rows) to the
    figure when row n is judged by the truth of row order[n]; None where that can't be had.
    ``table`` shows more metrics.
    """

    figure: str
    resample: Callable[[Floats], Floats]
    permute: Callable[[NDArray[np.int64]], Floats] | None
    table: Table


@dataclass(frozen=True)
class Scored:
    """Scores and truth, rows x tags, of rows that a model never learnt from."""

    ids: tuple[str, ...]
    tags: tuple[str, ...]
    scores: Scores
    truth: Truth


@dataclass(frozen=True)
class GateScore:
    """What a run of the gate gave on its validation rows; ``uses`` say what became of each split's.

    ``test`` is the same on the ``test_rows`` of test, where they can be judged. ``held_out`` are
    the scores of both, by split, for a baseline that scores tags.
    ``notes`` are for people.
    """

    judged: Judged
    rows: int
    curve: tuple[Point, ...]
    uses: Mapping[str, Use]
    notes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    test: Judged | None = None
    test_rows: int = 0
    held_out: Mapping[str, Scored] = field(default_factory=dict)


class NotJudgedError(Exception):
    """Why a release can't be judged, and what became of its rows."""

    def __init__(self, reason: str, uses: Mapping[str, Use]) -> None:
        super().__init__(reason)
        self.reason, self.uses = reason, uses


@dataclass(frozen=True)
class NewSticker:
    """A new sticker: its file's bytes, and texts by column name where there are any."""

    data: bytes
    texts: Mapping[str, str] = field(default_factory=dict)


class UnreadableImageError(ValueError):
    """The image of that number among those given can't be decoded; ``all`` says why of each that
    is known not to."""

    def __init__(self, number: int, reason: str, broken: Mapping[int, str] | None = None) -> None:
        super().__init__(number, reason)
        self.number = number
        self.reason = reason
        self.all = broken or {number: reason}
