"""What people answered to questions: columns of a release, and what is counted of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import entries, lists_of
from pipeline.engine.counting import count_together, count_values
from pipeline.release.contents import Making
from pipeline.release.lists import first_of
from pipeline.release.makers import voters
from pipeline.release.redact import public_texts
from schemas.release import ANSWER_AGREEMENT, ANSWER_STATUS, SETTLED, AskedQuestion
from schemas.tables import MERGED_ANSWER

_REVIEW = "review"


def answered_columns(
    answers: pa.ChunkedArray, questions: Sequence[AskedQuestion]
) -> dict[str, pa.Array]:
    """The columns of each question (see ``schemas.release.columns_of``) from ``labels.answers``.

    An answer stands there where enough people gave it or a review chose it; on a scale the mean of
    the points, wherever they gave any and nothing was settled. Agreement is null where a review
    took an answer away.
    """
    count = len(answers)
    rows, given = entries(answers)
    given = given.cast(pa.struct(list(MERGED_ANSWER)))
    asked = pc.struct_field(given, "question")
    columns: dict[str, pa.Array] = {}
    for question in questions:
        here = pc.fill_null(pc.equal(asked, question.name), False)
        found = {f.name: pc.struct_field(given, f.name).filter(here) for f in MERGED_ANSWER}
        places = rows[here.to_numpy(False)]
        votes, agreed = (found[name].cast(pa.float64()) for name in ("votes", "agreed"))
        taken = pc.and_(
            pc.equal(found["status"], _REVIEW), pc.equal(pc.list_value_length(found["values"]), 0)
        )
        counted = pc.and_not(pc.greater(votes, 0), pc.fill_null(taken, False))
        shares = pc.if_else(counted, pc.divide(agreed, votes), None)
        columns |= {
            question.column: _answers(question, places, found, count),
            f"{question.column}{ANSWER_STATUS}": first_of(places, found["status"], count),
            f"{question.column}{ANSWER_AGREEMENT}": first_of(places, shares, count),
        }
    return columns


def _answers(
    question: AskedQuestion, places: Any, found: Mapping[str, pa.Array], count: int
) -> pa.Array:
    reviewed = pc.fill_null(pc.equal(found["status"], _REVIEW), False)
    means = first_of(places, pc.if_else(reviewed, None, found["mean"]), count)
    kept = pc.is_in(found["status"], value_set=pa.array(SETTLED))
    kept = pc.and_not(kept, pc.and_(reviewed, pc.equal(pc.list_value_length(found["values"]), 0)))
    kept = pc.fill_null(kept, False)
    places, values = places[kept.to_numpy(False)], found["values"].filter(kept)
    within, flat = entries(pa.chunked_array([values]))
    if question.kind == "single":
        return first_of(places[within], flat, count)
    if question.kind == "scale":
        points = flat.cast(pa.float64())
        return pc.coalesce(first_of(places[within], points, count), means)
    if question.kind == "text":
        flat = public_texts(flat)
    missing = np.ones(count, bool)
    missing[places] = False
    lists = lists_of(places[within], flat, count)
    return pa.ListArray.from_arrays(lists.offsets, lists.values, mask=pa.array(missing))


@dataclass
class AnswerCounts:
    """Rows of a release by what was answered to one question: {value: {split: rows}}.

    ``answered`` counts rows with a value; texts are counted there alone, means of scales by the
    nearest point.
    """

    question: AskedQuestion
    values: dict[str, Counter[str]] = field(default_factory=dict)
    status: Counter[str] = field(default_factory=Counter)
    answered: int = 0

    def add_rows(self, rows: pa.Table) -> None:
        """Count rows with their ``split``."""
        name, splits = self.question.column, rows["split"]
        self.status.update(count_values(pc.drop_null(rows[f"{name}{ANSWER_STATUS}"])))
        answers = rows[name]
        self.answered += len(answers) - answers.null_count
        if self.question.kind == "text":
            return
        if self.question.kind == "several":
            places, answers = entries(answers)
            splits = splits.take(pa.array(places))
        elif self.question.kind == "scale":
            answers = pc.round(answers).cast(pa.int64()).cast(pa.string())
        there = pc.is_valid(answers)
        pairs = count_together([answers.filter(there), splits.filter(there)])
        for (value, split), count in pairs.items():
            self.values.setdefault(value, Counter())[split] += count

    def as_json(self) -> dict[str, Any]:
        """For ``counts.json``."""
        return {"answered": self.answered, "status": self.status, "values": self.values}

    def in_order(self) -> list[tuple[str, Counter[str]]]:
        """Rows by split of each answer that could be given, then of any other."""
        known = self.question.values
        others = sorted(self.values.keys() - set(known))
        return [(value, self.values.get(value, Counter())) for value in (*known, *others)]

    def making(self, annotators: int, simulated: bool) -> Making:
        """Who answered, for PROV."""
        asked = f"votes on the question {self.question.name}"
        return Making(asked, voters(annotators, simulated), self.answered, not simulated)


def count_answers(questions: Sequence[AskedQuestion]) -> tuple[AnswerCounts, ...]:
    """Counts of each question, nothing counted yet."""
    return tuple(map(AnswerCounts, questions))
