"""Stickers in the order in which further votes on them pay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from annotation.human.relabelling.beliefs import Beliefs, believe
from annotation.human.relabelling.gains import Gains, Needed, expected_gains
from annotation.human.relabelling.given import Given, read_given
from annotation.human.relabelling.scored import Evidence, Scores, weigh
from annotation.human.tag_pairs import Ints


@dataclass(frozen=True)
class Ranked:
    """``order`` are places in ``given.ids``, what pays most first; see the parts for the others."""

    given: Given
    beliefs: Beliefs
    evidence: Evidence | None
    gains: Gains
    order: Ints


def rank(
    votes: pa.Table,
    needed: Needed,
    scores: Scores | None = None,
    left: Ints | None = None,
) -> Ranked:
    """Rank all stickers that somebody voted on, from ``id``, ``annotator`` and ``tags`` of valid
    votes, one a sticker and annotator.

    ``left`` are the people who may still vote on each sticker, in order of id; None sets no limit.
    Equal stickers keep the order of their ids.
    """
    given = read_given(votes)
    beliefs, evidence = believe(given), None
    if scores is not None:
        evidence = weigh(given, beliefs.right, scores)
        beliefs = believe(given, evidence.odds)
    gains = expected_gains(given, beliefs, needed, left)
    order = np.lexsort((-gains.loss, -np.round(gains.each_vote, 12)))
    return Ranked(given, beliefs, evidence, gains, order)
