"""How far annotators agree on each question, as rows of the table ``agreement``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.answer_rule import ONE_VALUE, GivenAnswers, QuestionValues
from annotation.human.asked import AskedQuestion
from annotation.human.bootstrap import Interval
from annotation.human.kappa import fleiss_kappa
from annotation.human.masi import masi_alpha, masi_interval
from annotation.human.single_values import (
    nominal_alpha,
    nominal_interval,
    scale_alpha,
    scale_interval,
    value_units,
)
from annotation.human.tag_pairs import Ints
from annotation.human.tag_votes import read_tag_votes
from pipeline.engine.columns import lists_of


def question_rows(
    votes: pa.Table, questions: Sequence[AskedQuestion], *, resamples: int = 1000, seed: int = 0
) -> list[dict[str, Any]]:
    """A row for each question that two people answered about one sticker, in their order.

    ``votes`` are the current ones. Alpha is nominal for a single choice, with MASI distance for
    several, with squared distances for a scale, and none for a text; kappa is that of a single
    choice. ``equal`` is the share of equal answers among any two to one sticker.
    """
    given = GivenAnswers.read(votes, pc.unique(votes["id"]))
    drawn = {"resamples": resamples, "seed": seed}
    return list(_rows(votes, given, questions, drawn))


def _rows(
    votes: pa.Table,
    given: GivenAnswers,
    questions: Sequence[AskedQuestion],
    drawn: dict[str, int],
) -> Iterator[dict[str, Any]]:
    for question in questions:
        values = given.to(question)
        rows, sticker, answer = _answers(values)
        stickers, equal = _equal(sticker, answer)
        if not stickers:
            continue
        row: dict[str, Any] = {"measure": "question", "question": question.name}
        row |= {"stickers": stickers, "equal": equal}
        if question.kind == "several":
            row |= _on_sets(votes, rows, values, drawn)
        elif question.kind in ONE_VALUE:
            row |= _on_values(question, values, drawn)
        yield row


def _answers(values: QuestionValues) -> tuple[Ints, Ints, Ints]:
    """Each vote that answers: its row, its sticker, and a number that equal answers share."""
    rows, place = np.unique(values.row, return_inverse=True)
    sticker = np.zeros(len(rows), np.int64)
    sticker[place] = values.sticker
    width = max(1, len(values.names))
    pairs = np.unique(place * width + values.number)
    # Equal sets are equal texts of their values' numbers.
    numbers = pa.array(pairs % width).cast("string")
    texts = pc.binary_join(lists_of(pairs // width, numbers, len(rows)), ",")
    return rows, sticker, texts.dictionary_encode().indices.to_numpy().astype(np.int64)


def _equal(sticker: Ints, answer: Ints) -> tuple[int, float | None]:
    """Stickers with at least two answers, and the share of equal ones among all pairs there."""
    if not len(sticker):
        return 0, None
    given = np.unique(sticker, return_counts=True)[1]
    alike = np.unique(np.stack([sticker, answer]), axis=1, return_counts=True)[1]
    pairs = int((given * (given - 1)).sum())
    return int((given > 1).sum()), int((alike * (alike - 1)).sum()) / pairs if pairs else None


def _on_values(
    question: AskedQuestion, values: QuestionValues, drawn: dict[str, int]
) -> dict[str, Any]:
    # Two values at once are no answer to a question that takes one.
    one = np.bincount(values.row)[values.row] == 1
    said = values.names.take(pa.array(values.number[one]))
    units = value_units(pa.chunked_array([pa.array(values.sticker[one])]), pa.chunked_array([said]))
    if question.kind == "scale":
        return {"alpha": scale_alpha(units)} | _ends(scale_interval(units, **drawn))
    alpha, kappa = nominal_alpha(units), fleiss_kappa(units, **drawn).kappa
    return {"alpha": alpha, "kappa": kappa} | _ends(nominal_interval(units, **drawn))


def _on_sets(
    votes: pa.Table, rows: Ints, values: QuestionValues, drawn: dict[str, int]
) -> dict[str, Any]:
    order = np.argsort(values.row, kind="stable")
    place = np.searchsorted(rows, values.row[order])
    said = values.names.take(pa.array(values.number[order]))
    chosen = votes.select(["id", "annotator"]).take(pa.array(rows))
    sets = read_tag_votes(
        chosen.append_column("tags", pa.chunked_array([lists_of(place, said, len(rows))]))
    )
    return {"alpha": masi_alpha(sets)} | _ends(masi_interval(sets, **drawn))


def _ends(interval: Interval | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {"low": low, "high": high}
