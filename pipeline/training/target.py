"""What is learnt: tags, or people's answers to a question; and texts that would give those away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.datasets.layout import Layout, Row, find_question, read_answered, read_rows
from pipeline.datasets.release import TEXTS
from pipeline.training.arrays import Scores, Truth
from pipeline.training.classification import class_metrics, is_single_label, metrics_of_scores
from schemas.questions import SHIPPED

SAYS = {
    "style": ("style", "style_class", "overall_style"),
    "emotion": ("emotion",),
    "content": ("content", "ocr_text"),
}
"""Columns of texts about the same thing as a question: they would be read as the answer."""


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


def withheld_columns(target: str | None, values: Collection[str]) -> tuple[str, ...]:
    """Columns of text that would give away the answers to the question that is learnt.

    Those of ``SAYS`` where the question's name has that word, or more than half of the values of a
    shipped question are among its own; and each whose name is a word of the question's, or the
    reverse.
    """
    if target is None:
        return ()
    words = _words(target)
    subjects = {name for name in SAYS if name in words}
    own = {value.casefold() for value in values}
    for name, question in SHIPPED.items():
        shared = sum(value.casefold() in own for value in question.values)
        subjects |= {name} if 2 * shared > len(question.values) else set()
    said = {column for name in subjects for column in SAYS.get(name, ())}
    alike = {column for column in TEXTS if column in words or target.casefold() in _words(column)}
    return tuple(column for column in TEXTS if column in said | alike)


def without(texts: Mapping[str, str], columns: Collection[str]) -> Mapping[str, str]:
    """Texts by column, without those of some columns."""
    return {column: text for column, text in texts.items() if column not in columns}


def _words(name: str) -> list[str]:
    return name.casefold().split("_")


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
