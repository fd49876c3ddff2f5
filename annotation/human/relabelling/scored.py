"""What a baseline's scores say of given tags, as log-odds: its estimate of noise, and its doubt.

Scores are taken by rank, as the gate's estimate of label noise does: how many of the stickers
without the tag score lower. What a rank is worth, and how far it stands above those of the
sticker's other tags (its doubt: a margin near 0), is learnt from the votes by a logistic
regression; a baseline that knows nothing gets no weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.relabelling.given import Floats, Given
from annotation.human.tag_pairs import Flags, Ints

_RIDGE, _STEPS = 5.0, 15
_MOST_ODDS = np.log(20.0)


@dataclass(frozen=True)
class Scores:
    """Scores of a model that never saw these stickers, stickers x tags; higher is more likely.

    NaN where a tag wasn't among those listed for a sticker, which counts as below them all.
    """

    ids: tuple[str, ...]
    tags: tuple[str, ...]
    values: Floats


@dataclass(frozen=True)
class Evidence:
    """Of each pair: its log-odds by the scores, and the share of stickers without the tag that
    score lower (NaN where nothing is known)."""

    odds: Floats
    rank: Floats


def weigh(given: Given, right: Floats, scores: Scores) -> Evidence:
    """What the scores add to votes by which the pairs are ``right`` with some chance."""
    rank = _ranks(given, right, scores)
    known = np.isfinite(rank)
    odds = np.zeros(len(rank))
    if known.any():
        features = _features(given, rank, known)
        weights = _fit(features, right[known])
        # Beyond how often a given tag is right at all, which the votes have told.
        usual = float(np.mean(right[known]))
        odds[known] = features @ weights - np.log(usual / (1 - usual))
    return Evidence(np.clip(odds, -_MOST_ODDS, _MOST_ODDS), rank)


def _features(given: Given, rank: Floats, known: Flags) -> Floats:
    """Of each pair with a rank: 1, its rank and how far it stands above the sticker's other tags,
    both as log-odds."""
    own = np.where(known, np.log(np.where(known, rank / (1 - rank), 1.0)), -np.inf)
    size = np.bincount(given.sticker, minlength=len(given.votes))
    first, second = _two_highest(given.sticker, own, len(given.votes))
    other = np.where(own == first[given.sticker], second[given.sticker], first[given.sticker])
    alone = ~np.isfinite(other) | (size[given.sticker] < 2)
    above = np.where(alone, 0.0, np.clip(own - np.where(alone, 0.0, other), -6, 6))
    columns = [np.ones(len(own)), own, above, alone.astype(float)]
    return np.stack(columns, axis=1)[known]


def _two_highest(owner: Ints, values: Floats, count: int) -> tuple[Floats, Floats]:
    first, second = np.full(count, -np.inf), np.full(count, -np.inf)
    np.maximum.at(first, owner, values)
    lower = values < first[owner]
    np.maximum.at(second, owner[lower], values[lower])
    return first, second


def _fit(features: Floats, chance: Floats) -> Floats:
    """Weights of a logistic regression on chances, by Newton's method, held near 0."""
    weights: Floats = np.zeros(features.shape[1])
    hold = np.diag([1e-3, *[_RIDGE] * (len(weights) - 1)])
    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        slope = features.T @ (chance - expected) - hold @ weights
        curve = (features * (expected * (1 - expected))[:, None]).T @ features + hold
        weights = weights + np.linalg.solve(curve, slope)
    return weights


def _ranks(given: Given, right: Floats, scores: Scores) -> Floats:
    row = _places(given.ids, scores.ids)[given.sticker]
    column = _places(given.tags, scores.tags)
    found = np.full(len(row), np.nan)
    for tag in np.flatnonzero(column >= 0):
        pairs = np.flatnonzero((given.tag == tag) & (row >= 0))
        values = np.nan_to_num(scores.values[:, column[tag]], nan=-np.inf)
        without = np.ones(len(values), bool)
        without[row[pairs[right[pairs] > 0.5]]] = False
        others = np.sort(values[without])
        if not len(others) or not np.isfinite(others).any():
            continue
        mine = values[row[pairs]]
        both = np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")
        found[pairs] = (both + 1) / (2 * len(others) + 2)  # equal ones stand half below
    return found


def _places(wanted: pa.Array, names: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    found = pc.index_in(wanted, value_set=pa.array(names, pa.string()))
    places: np.ndarray[tuple[int], np.dtype[np.int64]] = pc.fill_null(found, -1).to_numpy()
    return places.astype(np.int64)
