"""Answers to questions in rows of a release that can't be, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import entries
from pipeline.engine.text import quoted
from schemas.release import (
    ANSWER_AGREEMENT,
    ANSWER_STATUS,
    ANSWERED,
    SETTLED,
    AskedQuestion,
    answer_columns,
)

_CHOICES = ("single", "several")


def wrong_answers(rows: pa.Table, questions: Sequence[AskedQuestion]) -> Iterator[str]:
    """A line for each answer that nobody could give, each unknown status, each agreement that is
    no share, and each choice that isn't effective; columns that aren't there have none."""
    for question in questions:
        name = question.column
        columns = {column for column, *_ in answer_columns(question)}
        if not columns <= {*rows.schema.names}:
            continue
        status, share = rows[f"{name}{ANSWER_STATUS}"], rows[f"{name}{ANSWER_AGREEMENT}"]
        known = pc.is_in(status, value_set=pa.array(ANSWERED))
        yield from _lines(rows, status, pc.and_(pc.is_valid(status), pc.invert(known)), "status")
        beyond = pc.invert(pc.and_(pc.greater_equal(share, 0), pc.less_equal(share, 1)))
        yield from _lines(rows, share, pc.fill_null(beyond, False), "agreement of")
        yield from _wrong_values(rows, question)


def _wrong_values(rows: pa.Table, question: AskedQuestion) -> Iterator[str]:
    answers = rows[question.column]
    status = rows[f"{question.column}{ANSWER_STATUS}"]
    if question.kind in _CHOICES:
        settled = pc.is_in(status, value_set=pa.array(SETTLED))
        unsettled = pc.and_(pc.is_valid(answers), pc.invert(settled))
        yield from _lines(rows, answers, unsettled, "answer that isn't effective:")
    if question.kind == "text":
        return
    if question.kind == "scale":
        low, high = pc.less(answers, 1), pc.greater(answers, len(question.values))
        beyond = pc.or_(pc.or_(low, high), pc.is_nan(answers))
        yield from _lines(rows, answers, pc.fill_null(beyond, False), "point")
        return
    places, values = (None, answers) if question.kind == "single" else entries(answers)
    options = pa.array(question.values, pa.string())
    strange = pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, value_set=options)))
    held = rows if places is None else rows.take(pa.array(places))
    yield from _lines(held, values, strange, f"answer to {question.name}")


def _lines(
    rows: pa.Table, values: pa.ChunkedArray | pa.Array, where: pa.ChunkedArray | pa.Array, what: str
) -> Iterator[str]:
    found = zip(rows["id"].filter(where).to_pylist(), values.filter(where).to_pylist(), strict=True)
    for id_, value in found:
        yield f"sticker {id_} has the {what} {quoted(value)}"
