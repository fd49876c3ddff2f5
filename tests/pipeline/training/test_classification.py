"""Single-label metrics against counting, and of rows and classes without truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.training.classification import (
    class_metrics,
    hit_rate,
    is_single_label,
    metrics_of_scores,
)

rows = st.integers(2, 7).flatmap(
    lambda classes: st.tuples(
        st.just(classes),
        st.lists(
            st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)),
            min_size=1,
            max_size=60,
        ),
    )
)


@settings(max_examples=150, deadline=None)
@given(case=rows)
def test_they_are_what_counting_rows_gives(case: tuple[int, list[tuple[int, int]]]) -> None:
    classes, pairs = case
    truth, predicted = np.array(pairs, np.int64).T
    found = class_metrics(predicted, truth, classes)
    counts = [[pairs.count((true, said)) for said in range(classes)] for true in range(classes)]
    assert found.confusion.tolist() == counts
    hits = [counts[one][one] for one in range(classes)]
    wanted = [sum(row) for row in counts]
    given_ = [sum(column) for column in zip(*counts, strict=True)]
    precision = [hit / max(1, said) for hit, said in zip(hits, given_, strict=True)]
    recall = [hit / max(1, true) for hit, true in zip(hits, wanted, strict=True)]
    both = [said + true for said, true in zip(given_, wanted, strict=True)]
    f1 = [2 * hit / max(1, of) for hit, of in zip(hits, both, strict=True)]
    assert (found.precision, found.recall, found.f1) == (
        pytest.approx(precision),
        pytest.approx(recall),
        pytest.approx(f1),
    )
    assert found.accuracy == pytest.approx(sum(hits) / len(pairs))
    assert found.macro_f1 == pytest.approx(
        np.mean([f for f, of in zip(f1, both, strict=True) if of])
    )
    assert found.weighted_f1 == pytest.approx(np.average(f1, weights=wanted))
    assert found.weighted_precision == pytest.approx(np.average(precision, weights=wanted))


def test_rows_and_columns_of_the_confusion_are_truth_and_prediction() -> None:
    found = class_metrics(np.array([1, 1]), np.array([0, 1]), 3)
    assert found.confusion.tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert found.precision == (0.0, 0.5, 0.0)
    assert found.recall == (0.0, 1.0, 0.0)


def test_nothing_to_judge_is_not_a_number() -> None:
    none = np.zeros(0, np.int64)
    found = class_metrics(none, none, 2)
    assert math.isnan(found.accuracy)
    assert math.isnan(found.macro_f1)
    assert math.isnan(hit_rate(np.zeros((0, 2)), np.zeros((0, 2), bool)))
    assert math.isnan(hit_rate(np.zeros((1, 2)), np.zeros((1, 2), bool)))


def test_the_highest_score_hits_any_of_a_rows_tags() -> None:
    scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.0, 1.0, 0.0]])
    truth = np.array([[0, 1, 1], [0, 1, 0], [1, 1, 1], [0, 0, 0]], bool)
    assert hit_rate(scores, truth) == pytest.approx(2 / 3), "a tie goes to the lower column"


def test_single_labels_are_told_from_several_and_rows_without_one_left_out() -> None:
    one = np.array([[1, 0], [0, 0], [0, 1]], bool)
    assert is_single_label(one)
    assert not is_single_label(np.array([[1, 1], [0, 1]], bool))
    assert not is_single_label(np.zeros((3, 2), bool))
    assert not is_single_label(np.zeros((0, 2), bool))
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.8, 0.2]])
    found = metrics_of_scores(scores, one)
    assert found.confusion.tolist() == [[1, 0], [1, 0]]
    assert found.accuracy == hit_rate(scores, one) == 0.5
