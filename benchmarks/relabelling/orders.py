"""Orders in which stickers are asked about again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from annotation.human.relabelling.gains import Needed
from annotation.human.relabelling.ranking import rank
from annotation.human.relabelling.scored import Scores
from benchmarks.relabelling.polls import RULE, Poll
from benchmarks.relabelling.voters import PEOPLE, Votes

ORDERS = ("ranked", "votes", "scores", "agreement", "random 1", "random 2", "oracle")
Floats = NDArray[np.float64]


def ask(
    poll: Poll, order: str, needed: Needed, scores: Scores, truth: Votes, chance: int, votes: int
) -> None:
    """Ask for so many further votes, sticker after sticker in that order."""
    left = votes
    for sticker, more in _wanted(poll, order, needed, scores, truth, chance):
        given = max(0, min(more, left, PEOPLE - int(poll.counts[sticker])))
        poll.counts[sticker] += given
        left -= given
        if not left:
            return


def _wanted(
    poll: Poll, order: str, needed: Needed, scores: Scores, truth: Votes, chance: int
) -> Iterator[tuple[int, int]]:
    if order.startswith("random"):
        random = np.random.default_rng((chance, 9)).permutation(len(poll.counts))
        # Who was asked about already waits until all have been.
        for sticker in sorted(random.tolist(), key=lambda row: int(poll.counts[row])):
            yield sticker, int(order[-1])
    elif order in ("ranked", "votes"):
        evidence = scores if order == "ranked" else None
        ranked = rank(poll.table(), needed, evidence, PEOPLE - poll.counts)
        for place in ranked.order.tolist():  # every sticker has votes, so places are rows
            yield place, int(ranked.gains.more[place])
    else:
        by: dict[str, Callable[[Poll, Scores, Votes], Floats]] = {
            "scores": _by_scores,
            "agreement": _by_agreement,
            "oracle": _by_truth,
        }
        for sticker in np.argsort(by[order](poll, scores, truth), kind="stable").tolist():
            yield sticker, 2


def _by_scores(poll: Poll, scores: Scores, truth: Votes) -> Floats:
    """The lowest rank of a label among all stickers; those asked about already come last."""
    ranks = np.argsort(np.argsort(scores.values, axis=0), axis=0) / len(poll.counts)
    lowest: Floats = np.where(poll.labels(), ranks, 1.0).min(1)
    return lowest + (poll.counts - RULE.annotators)


def _by_agreement(poll: Poll, scores: Scores, truth: Votes) -> Floats:
    """The share of votes for a tag that is nearest to half; those with fewer votes first."""
    given = np.zeros(truth.shape)
    for place in range(PEOPLE):
        rows = np.flatnonzero(poll.counts > place)
        given[rows] += poll.said[poll.turn[rows, place], rows]
    apart = np.where(given > 0, np.abs(given / poll.counts[:, None] - 0.5), 1.0)
    least: Floats = apart.min(1)
    return least + poll.counts * 1e-3


def _by_truth(poll: Poll, scores: Scores, truth: Votes) -> Floats:
    """Wrong labels, the most and rarest first, as long as anybody is left to ask."""
    wrong: Floats = ((poll.labels() != truth) / np.maximum(1, truth.sum(0))).sum(1)
    return np.where(poll.counts >= PEOPLE, 1.0, -wrong)
