"""Metrics of a single label: how often a row's class is told, and how well each class is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import nan

import numpy as np
from numpy.typing import NDArray

from pipeline.training.arrays import Scores, Truth

Classes = NDArray[np.int64]
"""A class a row, from 0."""


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of rows with one class each (MGHFT section 4.2).

    ``precision``, ``recall`` and ``f1`` are per class, 0 for a class that nothing is predicted as
    or that no row has. ``weighted_*`` weigh classes by their true rows (weighted recall is
    accuracy); ``macro_f1`` is the plain mean over the classes that have a true or a predicted
    row. ``confusion`` counts rows, true class x predicted class. NaN stands for "of no row".
    """

    accuracy: float
    weighted_precision: float
    weighted_f1: float
    macro_f1: float
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    confusion: NDArray[np.int64]


def class_metrics(predicted: Classes, truth: Classes, classes: int) -> ClassMetrics:
    """Metrics of predicted against true classes, each below ``classes``."""
    from sklearn import metrics

    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (truth, predicted), 1)
    if not len(truth):
        zeros = (0.0,) * classes
        return ClassMetrics(nan, nan, nan, nan, zeros, zeros, zeros, confusion)
    scores = partial(metrics.precision_recall_fscore_support, truth, predicted, zero_division=0)
    precision, recall, f1, _ = scores(labels=range(classes))
    weighted_precision, _, weighted_f1, _ = scores(labels=range(classes), average="weighted")
    return ClassMetrics(
        accuracy=float(metrics.accuracy_score(truth, predicted)),
        weighted_precision=float(weighted_precision),
        weighted_f1=float(weighted_f1),
        macro_f1=float(scores(average="macro")[2]),
        precision=tuple(precision.tolist()),
        recall=tuple(recall.tolist()),
        f1=tuple(f1.tolist()),
        confusion=confusion,
    )


def hit_rate(scores: Scores, truth: Truth) -> float:
    """Share of rows whose highest score is of one of their tags; accuracy where they have one.

    Rows without a tag can't be hit and don't count; NaN when there is no other. The lower column
    wins a tie.
    """
    tagged = truth.any(1)
    if not tagged.any():
        return nan
    first = np.argmax(scores[tagged], 1)
    return float(truth[tagged][np.arange(len(first)), first].mean())


def is_single_label(truth: Truth) -> bool:
    """Whether no row has two tags and some row has one."""
    return bool(truth.any() and truth.sum(1).max() == 1)


def metrics_of_scores(scores: Scores, truth: Truth) -> ClassMetrics:
    """Metrics of the highest score against a single label; rows without one don't count."""
    labelled = truth.any(1)
    first = np.argmax(scores[labelled], 1)
    return class_metrics(first, np.argmax(truth[labelled], 1), truth.shape[1])
