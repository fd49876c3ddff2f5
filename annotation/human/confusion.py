"""Tags that annotators take for one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import pyarrow as pa

from annotation.human.votes import TagSet, by_sticker, counting_votes


@dataclass(frozen=True)
class ConfusedPair:
    """Two tags, ``stickers`` of which one annotator gave the first and another the second instead.

    ``either`` counts the stickers that got either of the two. ``lift`` compares ``stickers`` with
    what two independent tags as frequent as these would share: 1 is chance. A rare tag reaches a
    high lift by a single sticker, so read it beside the count.
    """

    first: str
    second: str
    stickers: int
    either: int
    lift: float


def confused_pairs(votes: pa.Table, *, least: int = 1) -> list[ConfusedPair]:
    """Pairs of tags confused on at least ``least`` stickers, the most confused first.

    A sticker confuses a and b when some annotator gave a and not b, and another b and not a.
    Stickers with fewer than two votes tell nothing and are left out.
    """
    stickers = by_sticker(counting_votes(votes)).values()
    units = [[vote.tags for vote in unit.values()] for unit in stickers if len(unit) > 1]
    given = Counter(tag for unit in units for tag in frozenset[str]().union(*unit))
    confused = Counter(pair for unit in units for pair in _confused(unit))
    # Either tag is on the sticker by each tag's own count, less the stickers that have both.
    both = Counter(
        pair
        for unit in units
        for pair in combinations(sorted(frozenset[str]().union(*unit)), 2)
        if pair in confused
    )
    found = [
        ConfusedPair(
            first=a,
            second=b,
            stickers=count,
            either=given[a] + given[b] - both[a, b],
            lift=count * len(units) / (given[a] * given[b]),
        )
        for (a, b), count in confused.items()
        if count >= least
    ]
    return sorted(found, key=lambda pair: (-pair.stickers, -pair.lift, pair.first, pair.second))


def _confused(unit: Iterable[TagSet]) -> set[tuple[str, str]]:
    return {
        (a, b) if a < b else (b, a)
        for one, other in combinations(unit, 2)
        for a in one - other
        for b in other - one
    }
