"""How far annotators follow the pre-annotations that they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from annotation.human.masi import masi_distance
from annotation.human.votes import TagSet, Vote, by_annotator, counting_votes


@dataclass(frozen=True)
class AnchoringBias:
    """An annotator's votes by what they were shown: suggested tags, none, or nothing at all.

    ``suggested`` votes had tags suggested, ``unedited`` of them left those as they were, and
    ``similarity`` is their mean MASI similarity to the suggestion. ``bare`` votes were shown a
    pre-annotation without tags. ``blind`` ones were shown none: ``blind_share`` is their share of
    all votes. Of the blind votes whose sticker has a suggestion that was hidden (``hidden``),
    ``hidden_equal_share`` gave its tags all the same and ``hidden_similarity`` is their mean
    similarity to it. Shares and similarities over no votes are None.
    """

    annotator: str
    suggested: int
    unedited: int
    unedited_share: float | None
    similarity: float | None
    bare: int
    blind: int
    blind_share: float | None
    hidden: int
    hidden_equal_share: float | None
    hidden_similarity: float | None


def anchoring_bias(votes: pa.Table, suggestions: pa.Table | None = None) -> list[AnchoringBias]:
    """The anchoring bias of each annotator, by name; ``suggestions`` is the table of that name.

    An unedited vote may be a good suggestion that was read and agreed with, so a high share alone
    proves no carelessness. What tells is the distance to the blind votes: how often the same
    annotator gives the suggested tags without seeing them. Even that compares different stickers,
    and today's suggestions instead of those of the export; and nothing here tells whether an
    annotator looked at the sticker.
    """
    hidden = {}
    if suggestions is not None:
        rows = suggestions.select(["id", "tags"]).to_pylist()
        hidden = {row["id"]: frozenset[str](row["tags"]) for row in rows if row["tags"]}
    valid = [vote for vote in counting_votes(votes) if not vote.skipped]
    return [_bias(name, cast, hidden) for name, cast in by_annotator(valid).items()]


def _bias(name: str, cast: Sequence[Vote], hidden: Mapping[str, TagSet]) -> AnchoringBias:
    shown = [(vote, vote.suggested) for vote in cast if vote.suggested]
    blind = [vote for vote in cast if vote.suggested is None]
    unseen = [(vote, hidden[vote.id]) for vote in blind if vote.id in hidden]
    unedited = sum(_unedited(vote) for vote, _ in shown)
    return AnchoringBias(
        annotator=name,
        suggested=len(shown),
        unedited=unedited,
        unedited_share=_mean([unedited], len(shown)),
        similarity=_mean([_similarity(vote, tags) for vote, tags in shown], len(shown)),
        bare=len(cast) - len(shown) - len(blind),
        blind=len(blind),
        blind_share=_mean([len(blind)], len(cast)),
        hidden=len(unseen),
        hidden_equal_share=_mean([vote.tags == tags for vote, tags in unseen], len(unseen)),
        hidden_similarity=_mean([_similarity(vote, tags) for vote, tags in unseen], len(unseen)),
    )


def _unedited(vote: Vote) -> bool:
    return vote.tags == vote.suggested if vote.unedited is None else vote.unedited


def _similarity(vote: Vote, tags: TagSet) -> float:
    return 1 - masi_distance(vote.tags, tags)


def _mean(values: Sequence[float], count: int) -> float | None:
    return sum(values) / count if count else None
