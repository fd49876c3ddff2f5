"""What a card says of the questions that people were asked, and of their answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.engine.text import markdown_text
from pipeline.release.answers import AnswerCounts
from pipeline.release.markdown import table
from schemas.release import ANSWERED, SPLITS

_ROWS = 30


def questions_section(
    answers: Sequence[AnswerCounts], agreement: Sequence[dict[str, Any]]
) -> Iterator[str]:
    """The section's parts: words, status and agreement of each question, rows of each answer."""
    if not answers:
        return
    measured = {row["question"]: row for row in agreement if row["measure"] == "question"}
    yield "## Questions"
    yield (
        "People were asked these beside the tags (`questions.json` has words and answers). "
        "`voted_NAME` holds what enough of them answered, or what a review chose (`review`), "
        "and is null where they don't agree "
        "(`adjudicate`) or too few have answered (`insufficient`); on a scale it is then the mean "
        "of the points that they gave. Agreement is that of all "
        "votes, whether their stickers are in this release or not:"
    )
    header = ("question", "kind", *ANSWERED, "stickers with two votes", "Krippendorff's alpha")
    yield table(header, [_row(one, measured.get(one.question.name)) for one in answers])
    for one in answers:
        question, rows = one.question, one.in_order()
        if rows:
            title = markdown_text(f"{question.name}: {question.title}", 400)
            yield f"{title} ({one.answered:,} stickers have an answer)"
            yield table(
                (question.column, *SPLITS, "all"),
                [_counts(value, counts) for value, counts in rows[:_ROWS]],
            )


def _row(one: AnswerCounts, measured: dict[str, Any] | None) -> tuple[object, ...]:
    status = (one.status[name] for name in ANSWERED)
    known = ("", "not measured") if measured is None else (measured["stickers"], _alpha(measured))
    return (one.question.name, one.question.kind, *status, *known)


def _alpha(measured: dict[str, Any]) -> str:
    alpha, low, high = (measured[name] for name in ("alpha", "low", "high"))
    if alpha is None:
        return "undefined"
    interval = "" if low is None or high is None else f" (95%: {low:.3f} to {high:.3f})"
    return f"{alpha:.3f}{interval}"


def _counts(value: str, counts: Counter[str]) -> tuple[object, ...]:
    return (value, *(counts[split] for split in SPLITS), counts.total())
