"""Metrics against scikit-learn and against hand counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, precision_score, recall_score

from pipeline.training.metrics import (
    mean_average_precision,
    metrics_at_cuts,
    permuted_map,
    resample_counts,
    tag_metrics,
    top_k,
    weighted_map,
)

SHAPES = st.tuples(st.integers(2, 25), st.integers(1, 5))


@st.composite
def judged(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(SHAPES)
    # Few distinct values: ties are what implementations disagree about.
    scores = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.2, 0.5, 0.9, 1])))
    return scores, draw(hnp.arrays(bool, shape))


def sklearn_map(scores: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
    seen = [n for n in range(truth.shape[1]) if (weights * truth[:, n]).sum() > 0]
    values = [
        average_precision_score(truth[:, n], scores[:, n], sample_weight=weights) for n in seen
    ]
    return float(np.mean(values)) if values else math.nan


@settings(max_examples=60, deadline=None)
@given(judged())
def test_map_agrees_with_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, truth = case
    expected = sklearn_map(scores, truth, np.ones(len(scores)))
    assert mean_average_precision(scores, truth) == pytest.approx(expected, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(judged(), st.integers(0, 1000))
def test_resampled_map_agrees_with_scikit_learn_on_drawn_rows(
    case: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    scores, truth = case
    weights = resample_counts(len(scores), 4, seed)
    for value, counts in zip(weighted_map(scores, truth, weights), weights, strict=True):
        rows = np.repeat(np.arange(len(scores)), counts.astype(int))
        expected = sklearn_map(scores[rows], truth[rows], np.ones(len(rows)))
        assert value == pytest.approx(expected, nan_ok=True)


def test_resamples_draw_as_many_rows_as_there_are_and_repeat_by_seed() -> None:
    counts = resample_counts(30, 50, seed=3)
    assert (counts.sum(1) == 30).all()
    assert np.array_equal(counts, resample_counts(30, 50, seed=3))
    assert not np.array_equal(counts, resample_counts(30, 50, seed=4))


def test_tag_metrics_equal_a_hand_count() -> None:
    # Class a: Nc 1, Np 2, Ng 1. Class b: Nc 1, Np 1, Ng 2. Class c: Nc 0, Np 0, Ng 1.
    # Class d: Nc 0, Np 1, Ng 0: it counts in OP alone.
    truth = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], bool)
    predicted = np.array([[1, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0]], bool)
    found = tag_metrics(predicted, truth)
    assert (found.op, found.or_, found.classes) == (2 / 4, 2 / 4, 3)
    assert found.of1 == pytest.approx(0.5)
    assert found.cp == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found.cr == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert found.cf1 == pytest.approx(0.5)


@settings(max_examples=40, deadline=None)
@given(judged())
def test_tag_metrics_agree_with_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, truth = case
    predicted = scores > 0.5
    found = tag_metrics(predicted, truth)
    micro = {"average": "micro", "zero_division": 0}
    macro = {"average": "macro", "zero_division": 0}
    assert found.op == pytest.approx(
        precision_score(truth.ravel(), predicted.ravel(), zero_division=0)
    )
    assert found.or_ == pytest.approx(
        recall_score(truth.ravel(), predicted.ravel(), zero_division=0)
    )
    if truth.shape[1] > 1:
        assert found.op == pytest.approx(precision_score(truth, predicted, **micro))
        present = np.flatnonzero(truth.any(0))
        if len(present):
            among = {"labels": present, **macro}
            assert found.cp == pytest.approx(precision_score(truth, predicted, **among))
            assert found.cr == pytest.approx(recall_score(truth, predicted, **among))


def test_top_k_takes_the_highest_scores_and_the_first_of_equals() -> None:
    scores = np.array([[0.1, 0.9, 0.9, 0.3], [0.5, 0.5, 0.5, 0.5]])
    assert top_k(scores, 1).tolist() == [[False, True, False, False], [True, False, False, False]]
    assert top_k(scores, 3)[0].tolist() == [False, True, True, True]
    assert top_k(scores, 9).all()


def count_by_hand(
    chosen: list[set[int]], truth: list[set[int]], tags: int
) -> tuple[float, float, float, float]:
    """CP, CR, OP and OR from sets, row by row, as the papers' sums are written."""
    correct = [
        sum(n in c and n in t for c, t in zip(chosen, truth, strict=True)) for n in range(tags)
    ]
    given = [sum(n in c for c in chosen) for n in range(tags)]
    wanted = [sum(n in t for t in truth) for n in range(tags)]
    there = [n for n in range(tags) if wanted[n]]
    cp = sum(correct[n] / given[n] if given[n] else 0 for n in there) / max(1, len(there))
    cr = sum(correct[n] / wanted[n] for n in there) / max(1, len(there))
    op = sum(correct) / sum(given) if sum(given) else 0.0
    or_ = sum(correct) / sum(wanted) if sum(wanted) else 0.0
    return cp, cr, op, or_


@settings(max_examples=60, deadline=None)
@given(judged())
def test_every_cut_agrees_with_a_count_by_hand(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, truth = case
    tags = truth.shape[1]
    wanted = [set(np.flatnonzero(row).tolist()) for row in truth]
    cuts = {
        f"top {k}": [set(sorted(range(tags), key=lambda n: (-row[n], n))[:k]) for row in scores]
        for k in (1, 3, 5)
    }
    cuts["above 0.5"] = [{n for n in range(tags) if row[n] > 0.5} for row in scores]
    found = metrics_at_cuts(scores, truth)
    assert list(found) == list(cuts)
    for cut, chosen in cuts.items():
        cp, cr, op, or_ = count_by_hand(chosen, wanted, tags)
        metrics = found[cut]
        assert (metrics.cp, metrics.cr) == pytest.approx((cp, cr))
        assert (metrics.op, metrics.or_) == pytest.approx((op, or_))
        for f1, one, other in ((metrics.cf1, cp, cr), (metrics.of1, op, or_)):
            assert f1 == pytest.approx(2 * one * other / (one + other) if one + other else 0)
        assert metrics.classes == len(set().union(*wanted))


def test_nothing_predicted_and_nothing_true_give_zeros_and_no_map() -> None:
    nothing = np.zeros((3, 2), bool)
    empty = tag_metrics(nothing, nothing)
    assert (empty.op, empty.or_, empty.of1, empty.cp, empty.cr, empty.cf1) == (0,) * 6
    assert empty.classes == 0
    assert math.isnan(mean_average_precision(np.zeros((3, 2)), nothing))
    everything = tag_metrics(~nothing, nothing)
    assert (everything.cp, everything.op, everything.classes) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_all_figures_equal_those_of_torchmetrics(seed: int) -> None:
    import torch
    from torchmetrics.functional.classification import (
        multilabel_average_precision,
        multilabel_f1_score,
        multilabel_precision,
        multilabel_recall,
    )

    random = np.random.default_rng(seed)
    scores, truth = random.random((80, 15)), random.random((80, 15)) < 0.2
    truth[:, 12:] = False  # tags that the split lacks
    target = torch.from_numpy(truth).int()
    predictions = {f"top {k}": top_k(scores, k) for k in (1, 3, 5)}
    predictions["above 0.5"] = scores > 0.5
    found = metrics_at_cuts(scores, truth)
    for cut, predicted in predictions.items():
        given = torch.from_numpy(predicted).int()
        theirs = {
            name: float(function(given[:, :tags], target[:, :tags], tags, average=average))
            for name, function, average, tags in (
                ("op", multilabel_precision, "micro", 15),
                ("or_", multilabel_recall, "micro", 15),
                ("of1", multilabel_f1_score, "micro", 15),
                ("cp", multilabel_precision, "macro", 12),
                ("cr", multilabel_recall, "macro", 12),
            )
        }
        theirs["cf1"] = 2 / (1 / theirs["cp"] + 1 / theirs["cr"])
        assert predicted[:, 12:].any()
        for name, value in theirs.items():
            assert getattr(found[cut], name) == pytest.approx(value, abs=1e-6), (cut, name)
        assert found[cut].classes == 12
    present = torch.from_numpy(scores[:, :12])
    ap = multilabel_average_precision(present, target[:, :12], 12, average="macro")
    assert mean_average_precision(scores, truth) == pytest.approx(float(ap), abs=1e-6)


def test_permuted_truth_gives_what_permuting_it_by_hand_gives() -> None:
    random = np.random.default_rng(5)
    scores = random.random((30, 4)).round(1)  # with ties
    truth = random.random((30, 4)) < 0.3
    truth[:, 3] = False
    orders = np.stack([random.permutation(30) for _ in range(8)])
    by_hand = [mean_average_precision(scores, truth[order]) for order in orders]
    assert permuted_map(scores, truth, orders) == pytest.approx(by_hand, rel=1e-12)
