"""Each annotator's work: against gold, beside the suggestions, and by the clock."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from annotation.human.lead_times import FlaggedVote, LeadTimes
from annotation.human.quality import Quality
from annotation.human.report.working import NAME
from pipeline.engine.page.cards import Card
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace

_PEOPLE, _FAST, _SLOW = 20, 12, 6
# Ends of the scale that times are drawn on, in seconds.
_SHORTEST_S, _LONGEST_S = 1.0, 600.0


def gold(workspace: Workspace, quality: Quality) -> dict[str, Any]:
    """Scores on the stickers whose label the lead knows."""
    return {
        "missing": missing(workspace, "gold"),
        "rows": [_row(score) for score in quality.gold[:_PEOPLE]],
        "more": max(0, len(quality.gold) - _PEOPLE),
    }


def bias(workspace: Workspace, quality: Quality) -> dict[str, Any]:
    """How often suggested tags were left as they were, and given without being seen."""
    return {
        "missing": missing(workspace, "votes"),
        "suggested": sum(one.suggested for one in quality.bias),
        "rows": [_row(one) for one in quality.bias[:_PEOPLE]],
        "more": max(0, len(quality.bias) - _PEOPLE),
    }


def times(workspace: Workspace, quality: Quality) -> dict[str, Any]:
    """Seconds a vote by annotator, and the votes that were given very fast or slowly."""
    fast = [vote for vote in quality.flagged if vote.pace == "fast"]
    slow = [vote for vote in quality.flagged if vote.pace != "fast"]
    return {
        "missing": missing(workspace, "votes"),
        "rows": [{**_row(one), **_strip(one)} for one in quality.lead_times[:_PEOPLE]],
        "more": max(0, len(quality.lead_times) - _PEOPLE),
        "fast": len(fast),
        "slow": len(slow),
        "fast_cards": [_card(vote) for vote in fast[:_FAST]],
        "slow_cards": [_card(vote) for vote in slow[:_SLOW]],
    }


def _row(measured: Any) -> dict[str, Any]:
    row = asdict(measured)
    return {**row, "annotator": one_line(row["annotator"], NAME)}


def _strip(one: LeadTimes) -> dict[str, float | None]:
    """Places of the quartiles on a logarithmic scale, 0 to 100."""
    names = ("first_quartile_s", "median_s", "third_quartile_s")
    return {f"{name}_at": _place(getattr(one, name)) for name in names}


def _place(seconds: float | None) -> float | None:
    if seconds is None:
        return None
    inside = min(max(seconds, _SHORTEST_S), _LONGEST_S)
    return 100 * math.log(inside / _SHORTEST_S) / math.log(_LONGEST_S / _SHORTEST_S)


def _card(vote: FlaggedVote) -> Card:
    return Card(vote.id, (f"{vote.seconds:,.1f} s", one_line(vote.annotator, NAME)))
