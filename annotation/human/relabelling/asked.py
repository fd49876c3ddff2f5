"""Which stickers may be asked about again, and by how many people."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.answer_rule import GivenAnswers
from annotation.human.asked import AskedQuestion, read_questions
from annotation.human.merge import current_votes
from annotation.human.tag_pairs import Ints
from annotation.human.votes import read_votes
from pipeline.engine.columns import lists_of
from pipeline.engine.workspace import Workspace
from schemas.config import MergeConfig

_GIVEN = ["id", "annotator", "tags"]
_VOTE = [
    "id", "annotator", "annotation", "sequence", "quarantined", "skipped", "tags", "tagset",
    "answers",
]  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """Current votes and skips on all stickers, and what may be asked again.

    ``open`` are ids that have all the votes that they were to get, and whose label rests on them;
    ``ballot`` the tags that count (None: all); ``questions`` are those with values.
    """

    votes: pa.Table
    open: frozenset[str]
    ballot: frozenset[str] | None
    questions: tuple[AskedQuestion, ...]

    def left(self, ids: pa.Array, people: Collection[str]) -> Ints:
        """How many of the people have said nothing of each sticker yet."""
        theirs = pc.is_in(self.votes["annotator"], value_set=pa.array(sorted(people), pa.string()))
        said = self.votes.filter(theirs)["id"]
        place = pc.drop_null(pc.index_in(said, value_set=ids)).to_numpy()
        left: Ints = len(people) - np.bincount(place, minlength=len(ids)).astype(np.int64)
        return left

    def about_tags(self) -> pa.Table:
        """Valid votes on tags: ``id``, ``annotator``, ``tags``, those of the ballot alone."""
        votes = self._votes()
        if self.ballot is None:
            return votes.select(_GIVEN)
        lists = votes["tags"].combine_chunks()
        tag, owner = pc.list_flatten(lists), pc.list_parent_indices(lists)
        known = pc.is_in(tag, value_set=pa.array(sorted(self.ballot), pa.string()))
        owners = owner.filter(known).to_numpy().astype(np.int64)
        votes = _with_tags(votes, owners, tag.filter(known))
        # A vote of unknown tags alone is no vote for no tag.
        empty = np.asarray(pc.list_value_length(lists).fill_null(0)) == 0
        empty[owners] = True
        return votes.filter(pa.array(empty))

    def about(self, question: AskedQuestion) -> pa.Table:
        """The same of a question: its values stand for tags; only votes that answer it."""
        votes = self._votes()
        given = GivenAnswers.read(votes, pc.unique(votes["id"])).to(question)
        order = np.lexsort((given.number, given.row))
        names = given.names.take(pa.array(given.number[order]))
        answered = np.unique(given.row)
        return _with_tags(votes, given.row[order], names).take(pa.array(answered))

    def _votes(self) -> pa.Table:
        said = pc.invert(pc.fill_null(self.votes["skipped"], False))
        return self.votes.filter(said).combine_chunks()


def read_asked(workspace: Workspace, rule: MergeConfig) -> Asked:
    """What people said so far; gold, and what was decided, corrected, rejected or dropped, is not
    open, nor is what still waits for its first votes."""
    votes = current_votes(read_votes(workspace, _VOTE))
    ballot = workspace.read("ballot", columns=["tag"])["tag"].to_pylist()
    tags = ballot or workspace.read("tagset", columns=["tag"])["tag"].to_pylist()
    labels = workspace.read("labels", columns=["id", "status", "votes", "skips", "provenance"])
    count = pc.add(pc.fill_null(labels["votes"], 0), pc.fill_null(labels["skips"], 0))
    rests = pc.and_(
        pc.is_in(labels["status"], value_set=pa.array(["effective", "adjudicate"])),
        pc.equal(pc.fill_null(labels["provenance"], ""), "votes"),
    )
    open_ = labels.filter(pc.and_(rests, pc.greater_equal(count, rule.annotators)))["id"]
    out = set(workspace.read("gold", columns=["id"])["id"].to_pylist())
    out.update(workspace.read("corrections", columns=["id"])["id"].to_pylist())
    questions = read_questions(workspace.read("questions"))
    return Asked(
        votes,
        frozenset(open_.to_pylist()) - out,
        frozenset(tags) or None,
        tuple(question for question in questions if question.kind != "text"),
    )


def _with_tags(votes: pa.Table, owners: Ints, tags: pa.Array) -> pa.Table:
    lists = lists_of(owners, tags, len(votes))
    return pa.table({"id": votes["id"], "annotator": votes["annotator"], "tags": lists})
