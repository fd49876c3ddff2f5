"""Metrics of multi-tag recognition (StickerTAG section 5.1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.training.arrays import Floats, Scores, Truth


@dataclass(frozen=True)
class TagMetrics:
    """Overall and per-class precision, recall and F1 of 0/1 predictions.

    OP = sum(Nc) / sum(Np), OR = sum(Nc) / sum(Ng), CP = mean(Nc / Np), CR = mean(Nc / Ng), with
    Nc correct, Np predicted and Ng true per class; OF1 and CF1 are the harmonic means of those
    (CF1 is not macro-F1). CP and CR are means over the same ``classes``: those with any truth
    (Ng > 0). Np = 0 counts as 0 in CP; predictions of other classes count in OP alone.
    """

    op: float
    or_: float
    of1: float
    cp: float
    cr: float
    cf1: float
    classes: int


def tag_metrics(predicted: Truth, truth: Truth) -> TagMetrics:
    """Metrics of predictions, rows x tags."""
    correct = (predicted & truth).sum(0).astype(np.float64)
    given, wanted = predicted.sum(0).astype(np.float64), truth.sum(0).astype(np.float64)
    op, or_ = _ratio(correct.sum(), given.sum()), _ratio(correct.sum(), wanted.sum())
    present = wanted > 0
    hits, classes = correct[present], int(present.sum())
    cp = float(np.mean(hits / np.maximum(given[present], 1))) if classes else 0.0
    cr = float(np.mean(hits / wanted[present])) if classes else 0.0
    return TagMetrics(op, or_, _harmonic(op, or_), cp, cr, _harmonic(cp, cr), classes)


def metrics_at_cuts(scores: Scores, truth: Truth) -> dict[str, TagMetrics]:
    """Metrics of the forced top 1, 3 and 5 and of scores above 0.5, by name of the cut."""
    predictions = {f"top {k}": top_k(scores, k) for k in (1, 3, 5)} | {"above 0.5": scores > 0.5}
    return {name: tag_metrics(predicted, truth) for name, predicted in predictions.items()}


_NAMES = {"cp": "CP", "cr": "CR", "cf1": "CF1", "op": "OP", "or_": "OR", "of1": "OF1"}


def tag_table(scores: Scores, truth: Truth) -> dict[str, dict[str, float]]:
    """The metrics at each cut by their published names, as in StickerTAG's Table 1."""
    return {
        cut: {title: asdict(found)[name] for name, title in _NAMES.items()}
        for cut, found in metrics_at_cuts(scores, truth).items()
    }


def top_k(scores: Scores, k: int) -> Truth:
    """Forced prediction of the k highest scores a row; the lower column wins a tie."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    predicted = np.zeros(scores.shape, bool)
    np.put_along_axis(predicted, order, True, axis=1)
    return predicted


def mean_average_precision(scores: Scores, truth: Truth) -> float:
    """Mean over the tags with any truth of the average precision; NaN when there is none."""
    weights = np.ones((1, len(scores)))
    return float(weighted_map(scores, truth, weights)[0])


def weighted_map(scores: Scores, truth: Truth, weights: Floats) -> Floats:
    """mAP for each row of ``weights`` (resamples x rows): how often a row counts.

    Tags without truth in a resample are left out of its mean. AP is the step-wise area under
    precision and recall, equal scores taken together (as scikit-learn does).
    """
    total, classes = np.zeros(len(weights)), np.zeros(len(weights))
    for tag in np.flatnonzero(truth.any(0)):
        precision = _average_precision(scores[:, tag], truth[:, tag], weights)
        total += np.nan_to_num(precision)
        classes += ~np.isnan(precision)
    return _quotient(total, classes)


def permuted_map(scores: Scores, truth: Truth, orders: NDArray[np.int64]) -> Floats:
    """mAP when row n is judged by the truth of row order[n], for each of several orders.

    ``orders`` (permutations x rows); it is what scores that know nothing of the truth would get.
    """
    total, tags = np.zeros(len(orders)), np.flatnonzero(truth.any(0))
    for tag in tags:
        total += _ranked_precision(scores[:, tag], truth[:, tag][orders].astype(np.float64))
    return _quotient(total, np.full(len(orders), float(len(tags))))


def resample_counts(rows: int, resamples: int, seed: int) -> Floats:
    """How often each row is drawn in each bootstrap resample, resamples x rows."""
    draws = np.random.default_rng(seed).integers(0, rows, (resamples, rows))
    counts = np.zeros((resamples, rows))
    np.add.at(counts, (np.arange(resamples)[:, None], draws), 1)
    return counts


def _average_precision(scores: Floats, truth: Truth, weights: Floats) -> Floats:
    positives = (weights * truth).sum(1)
    return _area(scores, weights * truth, weights, positives)


def _ranked_precision(scores: Floats, truths: Floats) -> Floats:
    """Average precision of one tag for each of several truths (truths x rows)."""
    return _area(scores, truths, np.ones((1, len(scores))), truths.sum(1))


def _area(scores: Floats, hits: Floats, weights: Floats, positives: Floats) -> Floats:
    """Step-wise area under precision and recall, of weighted hits (n x rows)."""
    order = np.argsort(-scores, kind="stable")
    # Scores are thresholds: only the last of equal ones is a point of the curve.
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found = np.cumsum(hits[:, order], axis=1)[:, ends]
    taken = np.cumsum(weights[:, order], axis=1)[:, ends]
    precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
    gained = np.diff(found, axis=1, prepend=0.0)
    return _quotient((gained * precision).sum(1), positives)


def _quotient(part: Floats, whole: Floats) -> Floats:
    quotient = np.full(len(part), np.nan)
    np.divide(part, whole, out=quotient, where=whole > 0)
    return quotient


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _harmonic(first: float, second: float) -> float:
    return 2 * first * second / (first + second) if first + second else 0.0
