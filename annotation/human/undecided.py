"""Stickers that wait for the lead: their votes agree on no tag, or on no answer to a question."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.asked import AskedQuestion
from annotation.human.merge import decides
from annotation.human.tag_pairs import Flags


def needs_decision(labels: pa.Table, questions: Sequence[AskedQuestion]) -> Flags:
    """Which rows of ``labels`` (``status``, ``answers``) are the lead's to decide.

    Answers to questions that a vote may leave open, and texts, never wait: few people write the
    same words.
    """
    waiting = pc.equal(labels["status"], "adjudicate").combine_chunks()
    found = pc.fill_null(waiting, False).to_numpy(zero_copy_only=False).copy()
    answers = labels["answers"].combine_chunks()
    entries = pc.list_flatten(answers)
    asked = pa.array([question.name for question in _decided_on(questions)], pa.string())
    disputed = pc.and_(
        pc.equal(pc.struct_field(entries, "status"), "adjudicate"),
        pc.is_in(pc.struct_field(entries, "question"), value_set=asked),
    )
    found[pc.list_parent_indices(answers).filter(pc.fill_null(disputed, False)).to_numpy()] = True
    # Nobody needs an answer about a sticker that no tag fits, or that the filter dropped.
    found &= ~pc.is_in(labels["status"], value_set=_CLOSED).to_numpy()
    return np.asarray(found)


def undecided(
    labels: pa.Table,
    decisions: pa.Table,
    questions: Sequence[AskedQuestion],
    tagset: Collection[str] | None,
) -> list[str]:
    """Stickers to be decided by ``labels`` (``id`` beside what ``needs_decision`` takes) about
    which no current decision says what is open; decisions may be newer than the labels."""
    said = {row["id"]: row for row in decisions.select(["id", "tags", "answers"]).to_pylist()}
    waiting = labels.filter(pa.array(needs_decision(labels, questions)))
    rows = waiting.select(["id", "status", "answers"]).to_pylist()
    return [row["id"] for row in rows if _open(row, said.get(row["id"]), questions, tagset)]


def _open(
    label: Mapping[str, Any],
    decision: Mapping[str, Any] | None,
    questions: Sequence[AskedQuestion],
    tagset: Collection[str] | None,
) -> bool:
    if decision is None:
        return True
    if label["status"] == "adjudicate" and not decides(decision, tagset):
        return True
    given = {one["question"]: set(one["values"] or ()) for one in decision["answers"] or ()}
    disputed = {e["question"] for e in label["answers"] or () if e["status"] == "adjudicate"}
    return any(
        question.name in disputed and given.get(question.name, set()).isdisjoint(question.values)
        for question in _decided_on(questions)
    )


def _decided_on(questions: Sequence[AskedQuestion]) -> list[AskedQuestion]:
    return [question for question in questions if question.required and question.kind != "text"]


_CLOSED = pa.array(["rejected", "dropped"])
