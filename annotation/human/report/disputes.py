"""The stickers that annotators disagree on most, with all their votes side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.masi import masi_distance
from annotation.human.report.working import NAME
from annotation.human.votes import Vote
from pipeline.engine.page.cards import Card
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace

_SHOWN, _VOTES, _TAGS = 24, 5, 12
_APART = 0.5
"""Mean MASI distance from which a sticker is one of those that annotators disagree on."""


def disputes(workspace: Workspace, votes: Sequence[Vote]) -> dict[str, Any]:
    """The largest mean MASI distances of stickers with at least two votes."""
    cast: dict[str, list[Vote]] = {}
    for vote in votes:
        cast.setdefault(vote.id, []).append(vote)
    apart = {sticker: _distance(own) for sticker, own in cast.items()}
    found = [sticker for sticker in cast if apart[sticker] >= _APART]
    worst = sorted(found, key=lambda s: (-apart[s], -_voted(cast[s]), -_domains(cast[s]), s))
    ranked = worst[:_SHOWN]
    statuses = _statuses(workspace, ranked)
    return {
        "missing": missing(workspace, "votes"),
        "total": len(found),
        "least": _APART,
        "rows": [
            (Card(s, (f"distance {apart[s]:.2f}", statuses.get(s) or "")), _columns(cast[s]))
            for s in ranked
        ],
    }


def _distance(votes: Iterable[Vote]) -> float:
    sets = [vote.tags for vote in votes if not vote.skipped]
    pairs = [masi_distance(one, other) for one, other in combinations(sets, 2)]
    return sum(pairs) / len(pairs) if pairs else 0.0


def _voted(votes: Iterable[Vote]) -> int:
    return sum(not vote.skipped for vote in votes)


def _domains(votes: Iterable[Vote]) -> int:
    return len({vote.domain for vote in votes if vote.domain})


def _columns(votes: Sequence[Vote]) -> list[Mapping[str, Any]]:
    """A vote a column; of each tag, whether anybody else gave it too."""
    given = Counter(tag for vote in votes for tag in vote.tags)
    return [
        {
            "annotator": one_line(vote.annotator, NAME),
            "skipped": vote.skipped,
            "domain": vote.domain,
            "tags": [(one_line(tag, 30), given[tag] > 1) for tag in sorted(vote.tags)[:_TAGS]],
        }
        for vote in votes[:_VOTES]
    ]


def _statuses(workspace: Workspace, stickers: Sequence[str]) -> dict[str, str]:
    labels = workspace.read("labels", columns=["id", "status"])
    chosen = pc.is_in(labels["id"], value_set=pa.array(stickers, pa.string()))
    return {row["id"]: row["status"] for row in labels.filter(chosen).to_pylist()}
