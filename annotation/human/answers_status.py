"""How far the answers to questions are, for the terminal and the lead's report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.answer_rule import GivenAnswers
from annotation.human.asked import AskedQuestion, read_questions
from annotation.human.merge import current_decisions, current_votes
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace

_SHOWN, _NAME, _LIST = 20, 34, 6
_CAST = ["id", "skipped", "answers", "sequence", "annotation", "quarantined"]


@dataclass(frozen=True)
class QuestionProgress:
    """Stickers that somebody answered about, by what the votes say to a question; JSON-able.

    ``alpha`` and ``equal`` are those of the table ``agreement``; ``unknown`` says of values that
    the question doesn't have how many stickers' answers give them, most frequent first.
    """

    name: str
    title: str
    kind: str
    effective: int
    review: int
    adjudicate: int
    insufficient: int
    unanswered: int
    alpha: float | None
    equal: float | None
    unknown: dict[str, int]


def questions_progress(workspace: Workspace) -> tuple[QuestionProgress, ...]:
    """Every question that was ever asked, by the tables alone; nothing where there is none."""
    questions = read_questions(workspace.read("questions"))
    if not questions:
        return ()
    counts = _statuses(workspace)
    unknown = _unknown(workspace, questions)
    rows = workspace.read("agreement", columns=["question", "alpha", "equal"]).to_pylist()
    agreed = {row["question"]: row for row in rows if row["question"] is not None}
    return tuple(
        QuestionProgress(
            name=question.name,
            title=question.title,
            kind=question.kind,
            effective=counts[question.name, "effective"],
            review=counts[question.name, "review"],
            adjudicate=counts[question.name, "adjudicate"],
            insufficient=counts[question.name, "insufficient"],
            unanswered=counts[question.name, "unanswered"],
            alpha=agreed.get(question.name, {}).get("alpha"),
            equal=agreed.get(question.name, {}).get("equal"),
            unknown=unknown.get(question.name, {}),
        )
        for question in questions
    )


def question_lines(found: Sequence[QuestionProgress]) -> Iterator[str]:
    """Lines of plain text for ``label status``; none where nothing is asked."""
    if not found:
        return
    yield "Questions"
    for one in found[:_SHOWN]:
        counts = [(name, getattr(one, name)) for name in _STATUSES]
        said = ", ".join(f"{name} {count:,}" for name, count in counts if count) or "no answers"
        yield f"  {one_line(one.name, _NAME):<12}  {said}{_agreement(one)}"
    if len(found) > _SHOWN:
        yield f"  {len(found) - _SHOWN:,} more questions not shown."
    unknown = [(f"{one.name}: {value}", n) for one in found for value, n in one.unknown.items()]
    if unknown:
        shown = [f"{one_line(text, _NAME)} {count:,}" for text, count in unknown[:_LIST]]
        more = len(unknown) - len(shown)
        line = f"Unknown answers  left out, by stickers: {', '.join(shown)}"
        yield line + (f" and {more:,} more" if more else "")
    yield ""


_STATUSES = ("effective", "review", "adjudicate", "insufficient", "unanswered")


def _agreement(one: QuestionProgress) -> str:
    if one.alpha is not None:
        return f"; alpha {one.alpha:.2f}"
    return "" if one.equal is None else f"; {one.equal:.0%} of answers equal"


def _statuses(workspace: Workspace) -> Counter[tuple[str, str]]:
    """Stickers by question and what the votes say to it, of those that anybody answered about."""
    labels = workspace.read("labels", columns=["answers", "provenance"])
    entries = pc.list_flatten(labels.filter(pc.is_valid(labels["provenance"]))["answers"])
    if not len(entries):
        return Counter()
    names = ("question", "status")
    pairs = pa.table({name: pc.struct_field(entries, name) for name in names})
    rows = pairs.group_by(list(names)).aggregate([([], "count_all")]).to_pylist()
    return Counter({(row["question"], row["status"]): row["count_all"] for row in rows})


def _unknown(
    workspace: Workspace, questions: Sequence[AskedQuestion]
) -> Mapping[str, dict[str, int]]:
    """Stickers by question and value, of values that it doesn't have."""
    votes = current_votes(workspace.read("votes", columns=[*_CAST, "annotator"]))
    decisions = current_decisions(workspace.read("adjudications", columns=[*_CAST, "adjudicator"]))
    ids = pc.unique(pa.chunked_array([*votes["id"].chunks, *decisions["id"].chunks], pa.string()))
    found: set[tuple[str, str, int]] = set()
    for said in (votes, decisions):
        given = GivenAnswers.read(said, ids)
        for question in questions:
            found |= {(question.name, value, place) for value, place in _left_out(given, question)}
    counts = Counter((name, value) for name, value, _ in found)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {
        question.name: {value: n for (name, value), n in ranked if name == question.name}
        for question in questions
    }


def _left_out(given: GivenAnswers, question: AskedQuestion) -> Iterable[tuple[str, int]]:
    values, stickers = given.unknown(question)
    return zip(values.to_pylist(), stickers.tolist(), strict=True)
