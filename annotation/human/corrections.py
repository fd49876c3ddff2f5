"""What people changed in labels afterwards, laid over what votes and decisions say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.answer_rule import GivenAnswers, fold_text
from annotation.human.asked import AskedQuestion
from annotation.human.migration import Change, migrate
from annotation.human.tag_pairs import Ints
from pipeline.engine.columns import value_codes
from schemas.tables import LABELS

COLUMNS = ["id", "number", "field", "after", "tagset"]


def standing_corrections(
    corrections: pa.Table, changes: Mapping[str, Change], tagset: Collection[str] | None
) -> pa.Table:
    """Of each sticker and field the change that holds, with ``after`` in today's tags.

    ``corrections`` has the columns of that table. Tags outside of ``tagset`` are left out, and a
    change to nothing but tags that are gone holds no more: what the votes say does.
    """
    if not len(corrections):
        return corrections.select(COLUMNS)
    corrections = corrections.select(COLUMNS).sort_by("number")
    held = corrections.take(pa.array(_standing(corrections)))
    about_tags = pc.equal(held["field"], "tags")
    others = held.filter(pc.invert(about_tags))
    return pa.concat_tables([others, _known(held.filter(about_tags), changes, tagset)])


def correct_labels(
    labels: pa.Table,
    corrections: pa.Table,
    questions: Sequence[AskedQuestion],
    votes: pa.Table | None = None,
) -> pa.Table:
    """The rows of ``labels`` as people have them, ``corrections`` being those that stand.

    Changed tags make a label ``effective``, none ``rejected``, by ``review``. A changed domain or
    answer leaves status and provenance to the votes; a label without any is then by review too.
    The current ``votes`` say how many gave a changed answer: nobody without any.
    """
    ids = labels["id"].combine_chunks()
    corrections = corrections.filter(pc.is_in(corrections["id"], value_set=ids))
    if not len(corrections):
        return labels
    row = pc.index_in(corrections["id"], value_set=ids).to_numpy().astype(np.int64)
    fields = corrections["field"]
    after = corrections["after"].combine_chunks()
    tagged, placed = (_places(fields, row, name, len(labels)) for name in ("tags", "domain"))
    tags = after.take(tagged)
    status = pc.if_else(pc.greater(pc.list_value_length(tags), 0), "effective", "rejected")
    touched = np.zeros(len(labels), bool)
    touched[row] = True
    voted = pc.is_in(labels["provenance"], value_set=pa.array(["votes", "adjudication"]))
    reviewed = pc.or_(pc.is_valid(tagged), pc.and_not(pa.array(touched), voted.combine_chunks()))
    domain = pc.list_element(_padded(after).take(placed), 0)
    columns = {
        "tags": (pc.is_valid(tagged), tags),
        "status": (pc.is_valid(tagged), status),
        "domain": (pc.is_valid(placed), domain),
        "provenance": (reviewed, pa.scalar("review")),
        "domain_reviewed": (pc.is_valid(placed), pa.scalar(True)),
    }
    for name, (where, values) in columns.items():
        old = labels[name].combine_chunks()
        labels = _with(labels, name, pc.if_else(where, values, old))
    answers = pc.invert(pc.is_in(fields, value_set=pa.array(["tags", "domain"])))
    given = corrections.filter(answers).select(["id", "field", "after"]).to_pylist()
    if not given:
        return labels
    gave = _given_by(ids.take(pa.array(np.unique(row[answers.to_numpy()]))), questions, votes)
    return _with_answers(labels, row[answers.to_numpy()], given, questions, gave)


def _standing(corrections: pa.Table) -> Ints:
    """Rows that hold: the last of a sticker's field, each taken back taking off the one before."""
    key = value_codes(corrections["field"]) * (len(corrections) + 1)
    key = key + value_codes(corrections["id"])
    order = np.argsort(key, kind="stable")
    step = np.where(pc.is_valid(corrections["after"]).to_numpy(), 1, -1)[order]
    starts = np.flatnonzero(np.append(True, np.diff(key[order]) != 0))
    sizes = np.diff(np.append(starts, len(order)))
    level = np.cumsum(step)
    level -= np.repeat(level[starts] - step[starts], sizes)
    last = np.repeat(level[starts + sizes - 1], sizes)
    # The last that reached the level at the end lies on top.
    top = np.flatnonzero((step > 0) & (level == last))
    group = np.repeat(np.arange(len(starts)), sizes)[top]
    ends = np.append(np.diff(group) != 0, True) if len(group) else np.empty(0, bool)
    return np.sort(order[top[ends]])


def _known(
    tagged: pa.Table, changes: Mapping[str, Change], tagset: Collection[str] | None
) -> pa.Table:
    """Changes of tags in today's tags, without those of whose tags none is left."""
    carried = migrate(tagged.rename_columns({"after": "tags"}), changes)
    lists = carried["tags"].combine_chunks()
    if tagset is not None:
        owner, names = pc.list_parent_indices(lists), pc.list_flatten(lists)
        known = pc.is_in(names, value_set=pa.array(sorted(tagset), pa.string()))
        owner = owner.filter(known).to_numpy()
        ends = np.searchsorted(owner, np.arange(len(lists) + 1)).astype(np.int32)
        lists = pa.ListArray.from_arrays(pa.array(ends), names.filter(known))
    had = pc.list_value_length(tagged["after"]).combine_chunks()
    holds = pc.or_(pc.equal(had, 0), pc.greater(pc.list_value_length(lists), 0))
    place = tagged.schema.get_field_index("after")
    return tagged.set_column(place, tagged.schema.field(place), lists).filter(holds)


def _places(fields: pa.ChunkedArray, row: Ints, name: str, count: int) -> pa.Array:
    """For each of ``count`` labels the change of that field, null where there is none."""
    found = np.full(count, -1)
    chosen = np.flatnonzero(pc.equal(fields, name).to_numpy())
    found[row[chosen]] = chosen
    return pa.array(found, mask=found < 0)


def _padded(lists: pa.ListArray) -> pa.ListArray:
    """The lists, null where they are empty: there is no first element."""
    return pc.if_else(
        pc.greater(pc.list_value_length(lists), 0), lists, pa.scalar([None], lists.type)
    )


def _with(labels: pa.Table, name: str, values: Any) -> pa.Table:
    field = LABELS.schema.field(name)
    return labels.set_column(labels.schema.get_field_index(name), field, values.cast(field.type))


def _given_by(
    ids: pa.Array, questions: Sequence[AskedQuestion], votes: pa.Table | None
) -> Counter[tuple[str, str, str]]:
    """Votes by sticker, question and value; of texts by the folded value."""
    found: Counter[tuple[str, str, str]] = Counter()
    if votes is None:
        return found
    said = GivenAnswers.read(votes.filter(pc.is_in(votes["id"], value_set=ids)), ids)
    for question in questions:
        values = said.to(question)
        # A vote gives a value once, however often it stands there.
        columns = (values.row, values.sticker, values.number)
        for _, sticker, number in set(zip(*(one.tolist() for one in columns), strict=True)):
            found[ids[sticker].as_py(), question.name, values.names[number].as_py()] += 1
    return found


def _with_answers(
    labels: pa.Table,
    row: Ints,
    given: list[dict[str, Any]],
    questions: Sequence[AskedQuestion],
    gave: Mapping[tuple[str, str, str], int],
) -> pa.Table:
    """Labels with some answers to questions changed; as many rows are looked at as were changed."""
    known = {question.name: (n, question.kind) for n, question in enumerate(questions)}
    places, which = np.unique(row, return_inverse=True)
    old = labels["answers"].combine_chunks()
    answers = [
        {one["question"]: one for one in said or ()} for said in old.take(places).to_pylist()
    ]
    for place, change in zip(which.tolist(), given, strict=True):
        name, values = change["field"], change["after"]
        if name in known:
            written = map(fold_text, values) if known[name][1] == "text" else values
            agreed = min((gave.get((change["id"], name, one), 0) for one in written), default=0)
            before = answers[place].get(name) or {"votes": 0, "mean": None}
            answers[place][name] = {
                "question": name,
                "values": values,
                "status": "review",
                "votes": before["votes"],
                "agreed": agreed,
                "mean": before["mean"],
            }
    new = [
        sorted(said.values(), key=lambda one: known.get(one["question"], (len(known),)))
        for said in answers
    ]
    pool = pa.concat_arrays([old, pa.array(new, old.type)])
    take = np.arange(len(labels))
    take[places] = len(labels) + np.arange(len(places))
    return _with(labels, "answers", pool.take(pa.array(take)))
