"""Votes become labels: those that count, by the rule of ``vote_rule``, block after block.

Of each annotation its latest version counts, and of each annotator the latest vote; a skip counts
where an annotator left no vote. A skip is no empty set: it never counts as a vote, while an empty
set is a valid vote for no tag. What was quarantined never counts, and replaces nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.answer_rule import merge_answers
from annotation.human.asked import AskedQuestion, read_questions
from annotation.human.corrections import COLUMNS, correct_labels, standing_corrections
from annotation.human.imported import fill_unvoted
from annotation.human.migration import migrate, migrate_decisions, read_changes
from annotation.human.tag_pairs import Ints
from annotation.human.vote_rule import label_stickers
from pipeline.engine.columns import value_codes
from pipeline.engine.stage import Output, Reader, Step
from schemas.config import Config, MergeConfig
from schemas.tables import ADJUDICATIONS, LABELS, QUESTIONS, VOTES

_CAST = [
    "id", "skipped", "tags", "domain", "answers", "tagset", "sequence", "annotation", "quarantined",
]  # fmt: skip
_VOTE = [*_CAST, "annotator", "simulated"]
_DECISION = [*_CAST, "adjudicator"]
_IMPORTED = ["id", "tags", "domain", "simulated"]


def merge_votes(
    votes: pa.Table,
    stickers: Sequence[str],
    rule: MergeConfig,
    tagset: Collection[str] | None = None,
    decisions: pa.Table | None = None,
    questions: Sequence[AskedQuestion] = (),
) -> pa.Table:
    """The ``labels`` rows of ``stickers``, in their order; votes on others are left out.

    ``votes`` and ``decisions`` have the columns of ``votes`` and ``adjudications``. Tags outside
    of ``tagset`` are left out and listed; None accepts every tag. The order of the votes' rows
    matters only between equal sequences, where the later row counts. ``decisions`` settle what
    the votes leave to an adjudicator; a decision all of whose tags are unknown is ignored.
    ``questions`` are those whose answers are merged, by ``answer_rule``.
    """
    said = ADJUDICATIONS.schema.empty_table() if decisions is None else decisions
    ids = pa.array(stickers, pa.string())
    cast = current_votes(votes), current_decisions(said)
    return _answered(label_stickers(ids, *cast, rule, tagset), *cast, rule, questions)


def current_votes(votes: pa.Table) -> pa.Table:
    """The current vote or skip of each annotator on each sticker, in order of sequence."""
    return votes.take(pa.array(current_rows(votes)))


def current_rows(votes: pa.Table) -> Ints:
    """Rows of the current votes and skips, in order of sequence."""
    places = _latest_versions(votes, "annotator")
    ids, annotators = (value_codes(votes[name])[places] for name in ("id", "annotator"))
    # A vote outranks every skip of the same annotator; among equals the latest wins.
    voted = pc.invert(pc.fill_null(votes["skipped"], False)).to_numpy()[places]
    return places[_last(ids, annotators, order=voted)]


def current_decisions(adjudications: pa.Table) -> pa.Table:
    """The latest decision on each sticker; an adjudicator who skips decides nothing."""
    places = _latest_versions(adjudications, "adjudicator")
    skipped = pc.fill_null(adjudications["skipped"], False).to_numpy()
    places = places[~skipped[places]]
    return adjudications.take(pa.array(places[_last(value_codes(adjudications["id"])[places])]))


def decides(decision: Mapping[str, Any], tagset: Collection[str] | None) -> bool:
    """Whether a decision settles its sticker: not when all the tags that it gives are unknown, or
    a migration dropped them (null)."""
    if decision["tags"] is None:
        return False
    given = set(decision["tags"])
    return not given or tagset is None or not given.isdisjoint(tagset)


def _answered(
    labels: pa.Table,
    votes: pa.Table,
    decisions: pa.Table,
    rule: MergeConfig,
    questions: Sequence[AskedQuestion],
) -> pa.Table:
    """The labels with what the votes say to each question."""
    answers = merge_answers(labels["id"].combine_chunks(), votes, decisions, rule, questions)
    place = labels.schema.get_field_index("answers")
    return labels.set_column(place, LABELS.schema.field(place), answers)


def _latest_versions(cast: pa.Table, caster: str) -> Ints:
    """Rows that count, the latest of each annotation alone, in order of sequence."""
    counting = np.flatnonzero(pc.is_null(cast["quarantined"]).to_numpy())
    sequence = pc.fill_null(cast["sequence"], -1).to_numpy()[counting]
    places = counting[np.argsort(sequence, kind="stable")]
    # Rows without an annotation's id are annotations of their own.
    keys = (value_codes(cast[name])[places] for name in ("id", caster, "annotation"))
    return places[_last(*keys)]


def _last(*keys: Ints, order: Ints | None = None) -> Ints:
    """Places of the last of those with equal keys, in ``order`` or as they stand; ascending."""
    if not len(keys[0]):
        return np.empty(0, np.int64)
    by = np.lexsort(keys if order is None else (order, *keys))
    changes = np.any([np.diff(key[by]) != 0 for key in keys], axis=0)
    return np.sort(by[np.append(changes, True)])


def _run(reader: Reader, merge: MergeConfig) -> Iterator[Output]:
    changes = read_changes(reader.read("tag_changes"))
    votes = current_votes(migrate(reader.read(VOTES.name, columns=_VOTE), changes))
    decisions = reader.read(ADJUDICATIONS.name, columns=_DECISION)
    decisions = current_decisions(migrate_decisions(decisions, changes))
    # What people chose from counts; where nobody exported a ballot, the tag set is all we know.
    ballot = reader.read("ballot", columns=["tag"])["tag"].to_pylist()
    tags = ballot or reader.read("tagset", columns=["tag"])["tag"].to_pylist()
    questions = read_questions(reader.read(QUESTIONS.name))
    corrected = reader.read("corrections", columns=COLUMNS)
    corrected = standing_corrections(corrected, changes, tags or None)
    cast = zip(_by_block(reader, votes), _by_block(reader, decisions), strict=True)
    for block, (given, decided) in zip(reader.blocks, cast, strict=True):
        ids = reader.read("stickers", block, ["id"])["id"].combine_chunks()
        labels = label_stickers(ids, given, decided, merge, tags or None)
        labels = _answered(labels, given, decided, merge, questions)
        labels = fill_unvoted(labels, reader.read("imported", block, _IMPORTED))
        labels = correct_labels(labels, corrected, questions, given)
        yield LABELS.name, block, _blank_dropped(labels, reader.read("decisions", block))


def _by_block(reader: Reader, said: pa.Table) -> Iterator[pa.Table]:
    """The rows of each block's stickers."""
    if not len(said):
        yield from (said for _ in reader.blocks)
        return
    ids = [reader.read("stickers", block, ["id"])["id"] for block in reader.blocks]
    whole = pa.chunked_array([chunk for block in ids for chunk in block.chunks], pa.string())
    rows = pc.fill_null(pc.index_in(said["id"], value_set=whole), -1).to_numpy()
    order = np.argsort(rows, kind="stable")
    ends = np.searchsorted(rows[order], np.cumsum([0, *map(len, ids)]))
    for start, end in pairwise(ends):
        yield said.take(pa.array(order[start:end]))


def _blank_dropped(labels: pa.Table, decisions: pa.Table) -> pa.Table:
    """Take the labels away from stickers that the filter, or a reviewer, has dropped since."""
    gone = decisions.filter(pc.invert(decisions["kept"]))["id"].combine_chunks()
    dropped = pc.is_in(labels["id"], value_set=gone)
    rows = pc.if_else(dropped, None, pa.array(np.arange(len(labels))))
    status = pc.if_else(dropped, "dropped", labels["status"])
    kept = labels.take(rows)
    place = labels.schema.get_field_index("status")
    return kept.set_column(0, LABELS.schema.field("id"), labels["id"]).set_column(
        place, LABELS.schema.field("status"), status
    )


def _settings(config: Config) -> MergeConfig:
    return config.merge


_OPTIONAL = (
    "decisions", "votes", "adjudications", "tagset", "ballot", "tag_changes", "questions",
    "imported", "corrections",
)  # fmt: skip
MERGE = Step(
    name="labels",
    version=6,
    reads=("stickers", *_OPTIONAL),
    writes=("labels",),
    settings=_settings,
    run=_run,
    optional=_OPTIONAL,
)
