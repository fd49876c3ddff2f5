"""What a baseline's scores say of given tags, as log-odds: its estimate of noise, and its doubt.

As the gate's estimate of label noise has it, a score tells something by its rank alone: among the
stickers that lack the tag, a wrong tag stands anywhere. So the rank of a wrong one is uniform, and
that of a right one is taken to be a beta distribution (a, 1), whose one parameter is estimated for
each tag: 1 where the baseline knows nothing of it, which is its doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.relabelling.given import Floats, Given

_LIKE_ALL = 10.0
"""Right tags that a tag needs for its own parameter to count as much as that of all tags."""
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
    tags = len(given.tags)
    mass = np.where(known, right, 0.0)
    surprise = -mass * np.log(np.where(known, rank, 1.0))
    overall = (mass.sum() + _LIKE_ALL) / (surprise.sum() + _LIKE_ALL)
    by_tag = (
        np.bincount(given.tag, weights=values, minlength=tags) for values in (mass, surprise)
    )
    counted, surprised = by_tag
    sharp = np.maximum(1, (counted + _LIKE_ALL) / (surprised + _LIKE_ALL / overall))[given.tag]
    odds = np.log(sharp) + (sharp - 1) * np.log(np.where(known, rank, 1.0))
    odds = np.clip(np.where(known, odds, 0.0), -_MOST_ODDS, _MOST_ODDS)
    return Evidence(odds, rank)


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
