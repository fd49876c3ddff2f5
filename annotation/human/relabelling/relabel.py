"""Which stickers to ask more votes on, and why: tags and questions, each by the same rule."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from annotation.human.relabelling.asked import Asked
from annotation.human.relabelling.ranking import Ranked, rank
from annotation.human.relabelling.reasons import reasons_of
from annotation.human.relabelling.scored import Scores
from annotation.human.tag_pairs import Ints
from annotation.human.vote_rule import needed_votes
from pipeline.engine.errors import StickerworksError
from schemas.config import MergeConfig

TAGS = "tags"


@dataclass(frozen=True)
class Candidate:
    """A sticker to ask about again: ``more`` votes beside the ``votes`` that it has.

    ``about`` is ``tags`` or a question; ``wrong`` the chance that its label there is wrong;
    ``gain`` the macro-F1 that each of the votes is expected to bring; ``reasons`` say why.
    """

    id: str
    about: str
    votes: int
    more: int
    wrong: float
    gain: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Relabelling:
    """The stickers worth asking about, best first, of ``open`` ones that could be asked about."""

    open: int
    exhausted: int
    candidates: tuple[Candidate, ...]


def rank_stickers(
    asked: Asked,
    people: Collection[str],
    rule: MergeConfig,
    scores: Scores | None = None,
    about: str | None = None,
    most: int = 100,
) -> Relabelling:
    """The first ``most`` stickers; each by what pays most, its tags or a question, or ``about``.

    ``people`` are the accounts that can be asked. Scores are of the tags, or of the answers to
    ``about``. Raises StickerworksError where they are of other stickers or tags, and for a question
    that there isn't.
    """
    found: list[tuple[float, float, str, str, Ranked, int]] = []
    seen: set[str] = set()
    exhausted: set[str] = set()
    for subject, votes in _subjects(asked, about):
        scored = scores if subject == (about or TAGS) else None
        if not len(votes):
            continue
        ranked = _rank(asked, votes, people, rule, scored)
        left = asked.left(ranked.given.ids, people)
        for place in ranked.order.tolist():
            id_ = ranked.given.ids[place].as_py()
            if id_ not in asked.open:
                continue
            seen.add(id_)
            gain = float(ranked.gains.each_vote[place])
            if left[place] <= 0:
                exhausted.add(id_)
            elif gain > 0:
                found.append((-gain, -float(ranked.gains.loss[place]), id_, subject, ranked, place))
    best: dict[str, tuple[float, float, str, str, Ranked, int]] = {}
    for one in sorted(found, key=lambda one: one[:4]):
        best.setdefault(one[2], one)
        if len(best) == most:
            break
    candidates = tuple(_candidate(*one[3:]) for one in best.values())
    return Relabelling(len(seen), len(exhausted), candidates)


def check_subject(asked: Asked, about: str | None) -> None:
    """StickerworksError for a question that people weren't asked, or whose answers are texts."""
    names = [TAGS, *(question.name for question in asked.questions)]
    if about is not None and about not in names:
        raise StickerworksError(
            f"People were asked no question {about!r} whose answers can be ranked.",
            f"Name one of: {', '.join(names)}.",
        )


def _subjects(asked: Asked, about: str | None) -> Iterator[tuple[str, pa.Table]]:
    check_subject(asked, about)
    if about in (None, TAGS):
        yield TAGS, asked.about_tags()
    for question in asked.questions:
        if about in (None, question.name):
            yield question.name, asked.about(question)


def _rank(
    asked: Asked,
    votes: pa.Table,
    people: Collection[str],
    rule: MergeConfig,
    scores: Scores | None,
) -> Ranked:
    if scores is not None:
        _check(votes, scores)

    def needed(valid: Ints) -> Ints:
        return needed_votes(valid, rule)

    ids = pa.array(sorted(set(votes["id"].to_pylist())), pa.string())
    return rank(votes, needed, scores, asked.left(ids, people))


def _check(votes: pa.Table, scores: Scores) -> None:
    tags = {tag for tags in votes["tags"].to_pylist() for tag in tags or ()}
    for what, known, given in (
        ("stickers", set(votes["id"].to_pylist()), scores.ids),
        ("tags", tags, scores.tags),
    ):
        if known.isdisjoint(given):
            raise StickerworksError(
                f"None of the {what} that the scores are of is among those that people voted on.",
                "Give scores of this workspace's stickers, by a run whose tags are the ballot's.",
            )


def _candidate(subject: str, ranked: Ranked, place: int) -> Candidate:
    pairs = np.flatnonzero(ranked.given.sticker == place)
    worst = pairs[np.argmax(ranked.gains.gain[pairs])]
    return Candidate(
        id=ranked.given.ids[place].as_py(),
        about=subject,
        votes=int(ranked.given.votes[place]),
        more=int(ranked.gains.more[place]),
        wrong=float(ranked.gains.wrong[pairs].max()),
        gain=float(ranked.gains.each_vote[place]),
        reasons=tuple(reasons_of(ranked, int(worst))),
    )


def wanted_votes(candidates: Sequence[Candidate]) -> dict[str, int]:
    """Votes that each sticker is to get in all."""
    return {one.id: one.votes + one.more for one in candidates}
