"""How well each annotator labels the stickers whose true label the lead knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.votes import Vote, by_annotator, counting_votes


@dataclass(frozen=True)
class GoldScore:
    """An annotator against gold: tags counted over all stickers together (micro), and domains.

    ``stickers`` are the gold ones voted on, ``skips`` those declined, which are in no score. A
    score is None where it has nothing to divide by.
    """

    annotator: str
    stickers: int
    skips: int
    precision: float | None
    recall: float | None
    f1: float | None
    domain_stickers: int
    domain_accuracy: float | None


def gold_scores(votes: pa.Table, gold: pa.Table) -> list[GoldScore]:
    """The score of every annotator who met gold, by name; ``gold`` is the table of that name.

    Of each annotator the first answer to a sticker counts that was imported: later ones may know
    what was said of it. A vote without a domain counts as a wrong one where gold has a domain.
    """
    true = {row["id"]: row for row in gold.to_pylist()}
    met = counting_votes(first_answers(votes, gold["id"]))
    return [_score(name, cast, true) for name, cast in by_annotator(met).items()]


def first_answers(votes: pa.Table, stickers: pa.ChunkedArray) -> pa.Table:
    """The first vote or skip of each annotator on each of the stickers; quarantined ones aside."""
    counted = pc.is_null(votes["quarantined"])
    asked = pc.is_in(votes["id"], value_set=stickers.combine_chunks())
    rows = votes.filter(pc.and_(counted, asked))
    rows = rows.take(pc.sort_indices(rows["sequence"]))  # stable
    seen: dict[tuple[str, str], int] = {}
    pairs = zip(rows["id"].to_pylist(), rows["annotator"].to_pylist(), strict=True)
    for place, pair in enumerate(pairs):
        seen.setdefault(pair, place)
    return rows.take(pa.array(list(seen.values()), pa.int64()))


def _score(name: str, cast: Sequence[Vote], true: Mapping[str, Mapping[str, Any]]) -> GoldScore:
    voted = [vote for vote in cast if not vote.skipped]
    right = given = wanted = 0
    for vote in voted:
        tags = frozenset(true[vote.id]["tags"] or ())
        right += len(vote.tags & tags)
        given += len(vote.tags)
        wanted += len(tags)
    domains = [(vote.domain, true[vote.id]["domain"]) for vote in voted]
    known = [said == fact for said, fact in domains if fact is not None]
    return GoldScore(
        annotator=name,
        stickers=len(voted),
        skips=len(cast) - len(voted),
        precision=_share(right, given),
        recall=_share(right, wanted),
        f1=_share(2 * right, given + wanted),
        domain_stickers=len(known),
        domain_accuracy=_share(sum(known), len(known)),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
