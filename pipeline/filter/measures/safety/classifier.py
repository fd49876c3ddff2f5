"""A loaded classifier, and the one line about one that can't be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import plain
from pipeline.filter.measures.safety.options import SafetyOptions
from pipeline.filter.measures.safety.preprocessing import Preprocessing

KEY = "filter.measure_options.safety"
Floats = NDArray[np.float32]
Activation = Literal["softmax", "sigmoid", "none"]


@dataclass(frozen=True)
class Classifier:
    """``outputs`` maps pictures (number, 3, height, width) to numbers (number, labels), of which
    ``activation`` makes probabilities.

    It always gets ``at_once`` pictures, so that nothing depends on how many there are; that may be
    another number where it isn't ``fixed``.
    """

    preprocessing: Preprocessing
    labels: Sequence[str]
    activation: Activation
    outputs: Callable[[Floats], Floats]
    at_once: int = 1
    fixed: bool = True

    def halved(self) -> Classifier | None:
        """One that takes half as many pictures at once; None where that can't be."""
        return None if self.fixed or self.at_once == 1 else replace(self, at_once=self.at_once // 2)

    @property
    def exclusive(self) -> bool:
        """Whether its labels exclude each other."""
        return self.activation != "sigmoid"

    def probabilities(self, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Of each label for each of at most ``at_once`` pictures; ValueError for other numbers."""
        given = np.zeros((self.at_once, 3, *self.preprocessing.size), np.float32)
        for place, one in zip(given, pixels, strict=False):
            place[:] = self.preprocessing.apply(one)
        found = self.outputs(given)[: len(pixels)].astype(np.float64)
        if self.activation == "softmax":
            found = np.exp(found - found.max(axis=1, keepdims=True))
            found /= found.sum(axis=1, keepdims=True)
        elif self.activation == "sigmoid":
            found = 1 / (1 + np.exp(-np.clip(found, -500, 500)))
        if not (np.isfinite(found).all() and found.min() >= -1e-6 and found.max() <= 1 + 1e-6):
            raise ValueError("the classifier's outputs are no probabilities")
        return found


def choose_activation(
    options: SafetyOptions, described: Mapping[str, Any], outputs: int
) -> Activation:
    """The one that the options name, or the one that the model calls for."""
    if options.activation is not None:
        return options.activation
    several = described.get("problem_type") == "multi_label_classification"
    return "sigmoid" if several or outputs == 1 else "softmax"


def name_labels(
    path: Path, options: SafetyOptions, described: Mapping[str, Any], outputs: int
) -> tuple[str, ...]:
    """Names of the outputs, by the options or config.json; their numbers where neither says."""
    named = described.get("id2label")
    if options.labels is not None:
        labels = options.labels
    elif isinstance(named, dict) and all(str(number) in named for number in range(outputs)):
        labels = tuple(plain(str(named[str(number)]))[:80] for number in range(outputs))
    else:
        labels = tuple(str(number) for number in range(outputs))
    if len(labels) != outputs:
        raise bad_model(
            path, f"it has {outputs} outputs, and {len(labels)} labels", f"Correct {KEY}.labels."
        )
    return labels


def use_gpu(path: Path, options: SafetyOptions, there: bool, what: str) -> bool:
    """Whether to compute on a GPU; StickerworksError where one is asked for and not ``there``."""
    if options.device.startswith("cuda") and not there:
        raise bad_model(
            path,
            f"{what} computes on no GPU here",
            f"Set {KEY}.device to cpu, or install {what}'s GPU build.",
        )
    return there and options.device != "cpu"


def bad_model(path: Path, why: str, remedy: str = "") -> StickerworksError:
    """The one line about a model that can't be used."""
    why = " ".join(plain(why).split())[:300].rstrip(".")
    return StickerworksError(
        f"The safety model {path} can't be used: {why}.",
        remedy or f"Correct {KEY}; docs/safety.md says what it takes.",
    )
