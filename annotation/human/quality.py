"""Measures of the annotators' work, for the lead: all but their agreement."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from annotation.human.anchoring import AnchoringBias, anchoring_bias
from annotation.human.confusion import ConfusedPair, confused_pairs
from annotation.human.gold_scores import GoldScore, gold_scores
from annotation.human.lead_times import FlaggedVote, LeadTimes, lead_times


@dataclass(frozen=True)
class Quality:
    """Every measure of quality that needs nothing but tables; ``asdict`` makes it JSON-able."""

    confused: tuple[ConfusedPair, ...]
    gold: tuple[GoldScore, ...]
    bias: tuple[AnchoringBias, ...]
    lead_times: tuple[LeadTimes, ...]
    flagged: tuple[FlaggedVote, ...]


def measure_quality(
    votes: pa.Table, gold: pa.Table, suggestions: pa.Table | None = None
) -> Quality:
    """Quality from the tables ``votes`` (see ``read_votes``), ``gold`` and ``suggestions``."""
    times, flagged = lead_times(votes)
    return Quality(
        confused=tuple(confused_pairs(votes)),
        gold=tuple(gold_scores(votes, gold)),
        bias=tuple(anchoring_bias(votes, suggestions)),
        lead_times=tuple(times),
        flagged=tuple(flagged),
    )
