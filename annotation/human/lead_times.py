"""Votes that were given suspiciously fast or slowly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import pyarrow as pa

from annotation.human.votes import Vote, by_annotator, counting_votes

# Times below a tenth of a second are as good as none, and zero has no logarithm.
_LEAST_S = 0.1
# Quartiles of fewer votes are too loose to judge the others by.
_LEAST_VOTES = 20
# A quartile range of less than a factor of 1.5 would flag what is merely a steady pace.
_LEAST_RANGE = float(np.log(1.5))
_FENCE = 3.0


@dataclass(frozen=True)
class LeadTimes:
    """An annotator's seconds a vote: quartiles, and what lies beyond ``low`` and ``high``.

    ``untimed`` votes have no usable time and are in nothing else. ``fast_share`` and
    ``slow_share`` are of the timed ones. All figures but the counts are None without timed votes.
    """

    annotator: str
    timed: int
    untimed: int
    median_s: float | None = None
    first_quartile_s: float | None = None
    third_quartile_s: float | None = None
    low_s: float | None = None
    high_s: float | None = None
    fast_share: float | None = None
    slow_share: float | None = None


@dataclass(frozen=True)
class FlaggedVote:
    """A vote beyond the bounds of its annotator; ``pace`` is fast or slow."""

    id: str
    annotator: str
    annotation: str | None
    seconds: float
    pace: str


def lead_times(
    votes: pa.Table, *, floor_s: float = 2, cap_s: float = 600
) -> tuple[list[LeadTimes], list[FlaggedVote]]:
    """Times of each annotator by name, and the votes beyond bounds, most extreme first.

    Nobody may be faster than ``floor_s`` or slower than ``cap_s``; with enough votes, nor further
    from their own quartiles than three quartile ranges, on a log scale. Skips are left out: to
    decline may be quick. The time runs while the page is open, so a slow vote may be a pause.
    """
    valid = [vote for vote in counting_votes(votes) if not vote.skipped]
    times, flagged = [], []
    for name, cast in by_annotator(valid).items():
        timed = [(vote, vote.lead_time_s) for vote in cast if _usable(vote.lead_time_s)]
        seconds = [float(time) for _, time in timed if time is not None]
        if not seconds:
            times.append(LeadTimes(name, 0, len(cast)))
            continue
        low, high = _bounds(seconds, floor_s, cap_s)
        beyond = [
            _flag(vote, time, low)
            for (vote, _), time in zip(timed, seconds, strict=True)
            if not low <= time <= high
        ]
        times.append(_describe(name, len(cast), seconds, (low, high)))
        flagged.extend(beyond)
    return times, sorted(flagged, key=_extremity)


def _describe(
    name: str, votes: int, seconds: Sequence[float], bounds: tuple[float, float]
) -> LeadTimes:
    first, median, third = (float(q) for q in np.percentile(seconds, [25, 50, 75]))
    return LeadTimes(
        annotator=name,
        timed=len(seconds),
        untimed=votes - len(seconds),
        median_s=median,
        first_quartile_s=first,
        third_quartile_s=third,
        low_s=bounds[0],
        high_s=bounds[1],
        fast_share=sum(time < bounds[0] for time in seconds) / len(seconds),
        slow_share=sum(time > bounds[1] for time in seconds) / len(seconds),
    )


def _bounds(seconds: Sequence[float], floor_s: float, cap_s: float) -> tuple[float, float]:
    if len(seconds) < _LEAST_VOTES:
        return floor_s, cap_s
    first, third = np.percentile(np.log(np.maximum(seconds, _LEAST_S)), [25, 75])
    reach = _FENCE * max(third - first, _LEAST_RANGE)
    return max(floor_s, float(np.exp(first - reach))), min(cap_s, float(np.exp(third + reach)))


def _usable(seconds: float | None) -> bool:
    return seconds is not None and isfinite(seconds) and seconds >= 0


def _flag(vote: Vote, seconds: float, low: float) -> FlaggedVote:
    pace = "fast" if seconds < low else "slow"
    return FlaggedVote(vote.id, vote.annotator, vote.annotation, seconds, pace)


def _extremity(flagged: FlaggedVote) -> tuple[bool, float, str, str]:
    """Fast ones first, the fastest of them and then the slowest of the slow at the head."""
    fast = flagged.pace == "fast"
    return not fast, flagged.seconds if fast else -flagged.seconds, flagged.id, flagged.annotator
