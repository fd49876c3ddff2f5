"""The questions beside tags and domain, frozen when they are first exported, as the ballot is.

Titles and hints may change at any time: that is a new set, whose tasks go to new projects. What a
question's answers mean may not, once somebody has answered: votes of both would be counted as one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from annotation.human.studio.ledger import VoteLedger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import some
from schemas.labelling import LabelConfig
from schemas.questions import QuestionConfig, questions_json, questions_version

_ANSWERED = (
    "SELECT DISTINCT tasks.questions FROM tasks JOIN annotations ON origin = 'server' AND "
    "(tasks.project, tasks.task) = (annotations.project, annotations.task) "
    "WHERE tasks.questions <> ''"
)


@dataclass(frozen=True)
class QuestionSet:
    """Questions that are asked together; ``version`` is the hash of all that they say, "" none."""

    version: str
    questions: tuple[QuestionConfig, ...]


NO_QUESTIONS = QuestionSet("", ())


def current_questions(ledger: VoteLedger, label: LabelConfig) -> QuestionSet:
    """The questions to export with: those of the configuration, which are frozen by this.

    Raises StickerworksError for one that asks for other answers than votes were given to.
    """
    now = QuestionSet(questions_version(label.questions), label.questions)
    asked = asked_questions(ledger)
    answered = {str(row[0]) for row in ledger.rows(_ANSWERED)}
    for earlier in asked:
        if earlier.version in answered:
            _check_same(earlier, now)
    if now.version and (not asked or asked[-1].version != now.version):
        with ledger.writing():
            # A set that comes back is the newest again.
            ledger.connection.execute("DELETE FROM question_sets WHERE version = ?", (now.version,))
            ledger.connection.execute(
                "INSERT INTO question_sets (number, version, content) SELECT "
                "coalesce(max(number), 0) + 1, ?, ? FROM question_sets",
                (now.version, questions_json(now.questions)),
            )
    return now


def asked_questions(ledger: VoteLedger) -> tuple[QuestionSet, ...]:
    """All sets that were ever exported, the newest last."""
    rows = ledger.rows("SELECT version, content FROM question_sets ORDER BY number")
    return tuple(
        QuestionSet(
            row["version"], tuple(map(QuestionConfig.model_validate, json.loads(row["content"])))
        )
        for row in rows
    )


def questions_of(ledger: VoteLedger, version: str) -> tuple[QuestionConfig, ...]:
    """The questions of a set that was exported; none for ""."""
    sets = {asked.version: asked.questions for asked in (NO_QUESTIONS, *asked_questions(ledger))}
    return sets[version]


def _check_same(earlier: QuestionSet, now: QuestionSet) -> None:
    """Raise StickerworksError where a question of one name takes other answers."""
    before = {question.name: question for question in earlier.questions}
    for question in now.questions:
        known = before.get(question.name)
        if known is None or not (changed := _changes(known, question)):
            continue
        raise StickerworksError(
            f"The question {question.name} changed after votes were given: {changed}.",
            f"Put it back as it was, or give what is asked now another name, such as "
            f"{_another_name(question.name, set(before))}; the votes to {question.name} stay.",
        )


def _changes(before: QuestionConfig, now: QuestionConfig) -> str:
    """What differs in the answers that a question takes; empty when nothing does."""
    if before.kind != now.kind:
        return f"its kind was {before.kind} and is {now.kind}"
    if now.kind == "scale" and before.points != now.points:
        return f"its scale had {before.points} points and has {now.points}"
    gone = [value for value in before.values if value not in now.values]
    new = [value for value in now.values if value not in before.values]
    said = [f"{some(gone)} gone"] if gone else []
    said += [f"{some(new)} new"] if new else []
    return "; ".join(said)


def _another_name(name: str, taken: set[str]) -> str:
    return next(
        other for n in range(2, len(taken) + 3) if (other := f"{name[:28]}_{n}") not in taken
    )
