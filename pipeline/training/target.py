"""What is learnt: tags, or people's answers to a question; and texts that would give those away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.datasets.layout import Layout, Row, find_question, read_answered, read_rows
from pipeline.training.arrays import Scores, Truth
from pipeline.training.classification import class_metrics, is_single_label, metrics_of_scores

SAYS = {"style": ("style", "style_class", "overall_style"), "emotion": ("emotion",)}
"""Columns of models' texts about the same thing as a question: they would be read as the answer."""


@dataclass(frozen=True)
class Teaching:
    """How the rows of a data set are read: their targets, and all of these in order if known."""

    layout: Layout
    path: Path
    target: str | None = None

    def rows(self, split: str) -> Iterator[Row]:
        """Rows of a split; StickerworksError where the target is no question with choices."""
        if self.target is None:
            return read_rows(self.layout, self.path, split)
        question = find_question(self.layout, self.path, self.target)
        return read_answered(self.layout, self.path, split, question)

    @property
    def classes(self) -> tuple[str, ...]:
        """The layout's, or the answers that could be given."""
        if self.target is None:
            return self.layout.classes
        return find_question(self.layout, self.path, self.target).values


def without_answer(texts: Mapping[str, str], target: str | None) -> Mapping[str, str]:
    """Texts by column, without those in which models answer the question that is learnt."""
    said = SAYS.get(target or "", (target,))
    return {column: text for column, text in texts.items() if column not in said}


def commonest(targets: Sequence[frozenset[str]], classes: Sequence[str]) -> str | None:
    """The class of most rows, the earlier one among equals; None where no row has one."""
    counts = Counter(name for target in targets for name in target)
    ranked = sorted((name for name in classes if counts[name]), key=lambda name: -counts[name])
    return ranked[0] if ranked else None


def single_figures(
    scores: Scores, truth: Truth, classes: Sequence[str], majority: str | None
) -> dict[str, float]:
    """Accuracy and macro F1 of the highest score, and of saying train's commonest class always.

    Nothing where rows have several classes.
    """
    if not is_single_label(truth):
        return {}
    found = metrics_of_scores(scores, truth)
    figures = {"accuracy": found.accuracy, "macro F1": found.macro_f1}
    if majority in classes:
        labelled = truth[truth.any(1)]
        always = np.full(len(labelled), classes.index(majority), np.int64)
        known = class_metrics(always, np.argmax(labelled, 1), len(classes))
        figures |= {"majority accuracy": known.accuracy, "majority macro F1": known.macro_f1}
    return figures
