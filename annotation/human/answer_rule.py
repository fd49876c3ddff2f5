"""From votes to answers: what the votes on a sticker say to each question, on columns.

The rule is that of tags (``vote_rule``), question by question. A value is effective when enough of
the votes that answer the question gave it. Of a single choice or a scale one value is: where
several have enough votes, the one with more, and none on a tie. Texts are equal whatever their
case, spaces and widths (NFKC); the answer is the text as most wrote it. Values outside the
question's are unknown, and nothing but such values, or an empty answer, is no answer. Of what is
left to an adjudicator, the decision settles the answer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.asked import AskedQuestion
from annotation.human.tag_pairs import Flags, Ints
from annotation.human.vote_rule import needed_votes
from pipeline.engine.columns import lists_of
from schemas.config import MergeConfig
from schemas.tables import LABELS

ONE_VALUE = ("single", "scale")
"""Kinds of questions whose answer is one value."""

_ANSWERS = LABELS.schema.field("answers").type


def merge_answers(
    ids: pa.Array,
    votes: pa.Table,
    decisions: pa.Table,
    rule: MergeConfig,
    questions: Sequence[AskedQuestion],
) -> pa.ListArray:
    """``labels.answers`` of ``ids``: an entry for each question, in their order; null without any.

    ``votes`` and ``decisions`` are the current ones, as ``label_stickers`` takes them.
    """
    count = len(ids)
    if not questions:
        return pa.nulls(count, _ANSWERS)
    given = GivenAnswers.read(votes, ids)
    decided = GivenAnswers.read(decisions, ids)
    merged = [_merge(question, given, decided, rule, count) for question in questions]
    # Question after question, as sticker after sticker.
    order = np.arange(len(questions) * count).reshape(len(questions), count).T.reshape(-1)
    entries = pa.concat_arrays(merged).take(pa.array(order))
    return lists_of(np.repeat(np.arange(count), len(questions)), entries, count)


@dataclass(frozen=True)
class GivenAnswers:
    """All values of all answers: who gave it (a row), on which sticker (a place), to which
    question."""

    row: Ints
    sticker: Ints
    question: pa.Array
    value: pa.Array

    @classmethod
    def read(cls, said: pa.Table, ids: pa.Array) -> GivenAnswers:
        """Those of votes or decisions about ``ids`` that are no skips."""
        places = pc.index_in(said["id"].combine_chunks(), value_set=ids)
        sticker = pc.fill_null(places, -1).to_numpy().astype(np.int64)
        lists = said["answers"].combine_chunks()
        row = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
        answers = pc.list_flatten(lists)
        values = pc.struct_field(answers, "values")
        entry = pc.list_parent_indices(values).to_numpy()
        row, value = row[entry], pc.list_flatten(values)
        question = pc.struct_field(answers, "question").take(pa.array(entry))
        skipped = pc.fill_null(said["skipped"], False).to_numpy()
        stand = pc.is_valid(value).to_numpy(zero_copy_only=False)
        stand &= ~skipped[row] & (sticker[row] >= 0)
        return cls(
            row[stand], sticker[row[stand]], question.filter(stand), value.filter(pa.array(stand))
        )

    def to(self, question: AskedQuestion) -> QuestionValues:
        """The values given to one question, as numbers of distinct ones; unknown values left out.

        Equal texts have one number, whatever their spelling.
        """
        mine = pc.fill_null(pc.equal(self.question, question.name), False)
        places = np.flatnonzero(mine.to_numpy(zero_copy_only=False))
        written = self.value.take(pa.array(places))
        if question.kind == "text":
            spelt = written.dictionary_encode()
            folded = pa.array(map(fold_text, spelt.dictionary.to_pylist()), pa.string())
            names = pc.unique(folded)
            of_spelling = pc.index_in(folded, value_set=names).to_numpy()
            known = pc.not_equal(folded, "").to_numpy(zero_copy_only=False)[
                spelt.indices.to_numpy()
            ]
            number = of_spelling[spelt.indices.to_numpy()].astype(np.int64)
        else:
            names = pa.array(question.values, pa.string())
            number = pc.fill_null(pc.index_in(written, value_set=names), -1).to_numpy()
            number = number.astype(np.int64)
            known = number >= 0
        places = places[known]
        return QuestionValues(
            self.row[places],
            self.sticker[places],
            number[known],
            written.filter(pa.array(known)),
            names,
        )

    def unknown(self, question: AskedQuestion) -> tuple[pa.Array, Ints]:
        """Values given to a question that it doesn't have, and the stickers of each."""
        mine = pc.fill_null(pc.equal(self.question, question.name), False)
        left = mine.to_numpy(zero_copy_only=False)
        if question.kind == "text":
            left = np.zeros_like(left)
        known = pc.is_in(self.value, value_set=pa.array(question.values, pa.string()))
        left = left & ~known.to_numpy(zero_copy_only=False)
        return self.value.filter(pa.array(left)), self.sticker[left]


@dataclass(frozen=True)
class QuestionValues:
    """Values given to one question: row and sticker of each, its number, and as it was written."""

    row: Ints
    sticker: Ints
    number: Ints
    written: pa.Array
    names: pa.Array


def fold_text(text: str) -> str:
    """A text without what doesn't tell texts apart: case, spaces, widths.

    >>> fold_text("  Ｓｏ   happy ") == fold_text("so HAPPY")
    True
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def _merge(
    question: AskedQuestion,
    given: GivenAnswers,
    decided: GivenAnswers,
    rule: MergeConfig,
    count: int,
) -> pa.StructArray:
    """The entry of one question for each of ``count`` stickers."""
    votes, said = _same_numbers(given.to(question), decided.to(question))
    width = max(1, len(votes.names))
    # A vote gives a value once, however often it stands there.
    each = np.unique(votes.row * width + votes.number)
    sticker_of = np.zeros(int(votes.row.max(initial=-1)) + 1, np.int64)
    sticker_of[votes.row] = votes.sticker
    pairs, counts = np.unique(sticker_of[each // width] * width + each % width, return_counts=True)
    answered = np.bincount(sticker_of[np.unique(votes.row)], minlength=count)
    owner = pairs // width
    enough = counts >= needed_votes(answered, rule)[owner]
    most = _at_most(np.maximum, owner, counts, count, 0)
    if question.kind in ONE_VALUE:
        enough &= counts == most[owner]
        enough &= np.bincount(owner[enough], minlength=count)[owner] == 1
    effective = pairs[enough]
    agreed = _occur(effective // width, count)
    disputed = ~agreed & (answered >= rule.annotators)

    chosen = np.unique(said.sticker * width + said.number)
    if question.kind in ONE_VALUE:  # two values at once decide nothing
        chosen = chosen[np.bincount(chosen // width, minlength=count)[chosen // width] == 1]
    chosen = chosen[disputed[chosen // width]]
    settled = _occur(chosen // width, count)
    values = np.union1d(effective, chosen)

    votes_of = _counts_of(values, pairs, counts)
    least = _at_most(np.minimum, values // width, votes_of, count, np.iinfo(np.int64).max)
    fixed = agreed | settled
    columns = {
        "question": pa.array([question.name], pa.string()).take(pa.array(np.zeros(count, int))),
        "values": lists_of(values // width, _shown(question, values, width, votes, said), count),
        "status": pa.array(
            np.select(
                [fixed, disputed, answered > 0],
                ["effective", "adjudicate", "insufficient"],
                "unanswered",
            )
        ),
        "votes": pa.array(answered, pa.int32()),
        "agreed": pa.array(np.where(fixed, least, most), pa.int32()),
        "mean": _means(question, sticker_of[each // width], each % width, count),
    }
    fields = list(_ANSWERS.value_type)
    arrays = [columns[field.name].cast(field.type) for field in fields]
    return pa.StructArray.from_arrays(arrays, fields=fields)


def _same_numbers(
    votes: QuestionValues, said: QuestionValues
) -> tuple[QuestionValues, QuestionValues]:
    """Both with numbers of the same names."""
    names = pc.unique(pa.concat_arrays([votes.names, said.names]))

    def renumbered(values: QuestionValues) -> QuestionValues:
        numbers = pc.index_in(values.names, value_set=names).to_numpy().astype(np.int64)
        return QuestionValues(
            values.row, values.sticker, numbers[values.number], values.written, names
        )

    return renumbered(votes), renumbered(said)


def _shown(
    question: AskedQuestion, pairs: Ints, width: int, votes: QuestionValues, said: QuestionValues
) -> pa.Array:
    """The values of pairs of sticker and number: texts as most wrote them, a decision's as said."""
    if question.kind != "text":
        return votes.names.take(pa.array(pairs % width))
    written = pa.concat_arrays([votes.written, said.written])
    spellings = pc.unique(written).sort()
    spelling = pc.index_in(written, value_set=spellings).to_numpy().astype(np.int64)
    pair = np.concatenate([x.sticker * width + x.number for x in (votes, said)])
    wanted = np.isin(pair, pairs)
    # The lead's spelling outweighs any number of others, which were not decisive where it is read.
    weight = np.concatenate([np.ones(len(votes.row)), np.full(len(said.row), len(pair) + 1.0)])
    keys, place = np.unique(np.stack([pair[wanted], spelling[wanted]]), axis=1, return_inverse=True)
    weights = np.bincount(place.reshape(-1), weights=weight[wanted], minlength=keys.shape[1])
    order = np.lexsort((-keys[1], weights, keys[0]))
    last = np.append(np.diff(keys[0][order]) != 0, True) if len(order) else order.astype(bool)
    return spellings.take(pa.array(keys[1][order[last]]))


def _counts_of(values: Ints, pairs: Ints, counts: Ints) -> Ints:
    """Votes of each pair; 0 of those that nobody gave."""
    if not len(pairs):
        return np.zeros(len(values), np.int64)
    place = np.minimum(np.searchsorted(pairs, values), len(pairs) - 1)
    return np.where(pairs[place] == values, counts[place], 0)


def _means(question: AskedQuestion, sticker: Ints, number: Ints, count: int) -> pa.Array:
    """Mean point of each sticker's answers on a scale; null without any, and of other kinds."""
    if question.kind != "scale":
        return pa.nulls(count, pa.float64())
    given = np.bincount(sticker, minlength=count)
    total = np.bincount(sticker, weights=number + 1, minlength=count)
    return pa.array(total / np.maximum(given, 1), mask=given == 0)


def _at_most(choose: np.ufunc, owner: Ints, numbers: Ints, count: int, start: int) -> Ints:
    """The greatest, or least, of each owner's numbers; ``start`` where it has none."""
    found = np.full(count, start, np.int64)
    choose.at(found, owner, numbers)
    return found


def _occur(places: Ints, count: int) -> Flags:
    """Which of so many places occur."""
    found: npt.NDArray[np.bool_] = np.zeros(count, dtype=bool)
    found[places] = True
    return found
