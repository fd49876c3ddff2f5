"""Votes that come in step by step, and labels that the house's own rule makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from annotation.human import vote_rule
from annotation.human.relabelling.gains import Needed
from benchmarks.relabelling.drawn import TAGS
from benchmarks.relabelling.voters import PEOPLE, Votes
from schemas.config import MergeConfig
from schemas.tables import ADJUDICATIONS

Ints = NDArray[np.int64]
RULE = MergeConfig()
_NAMES = np.array(TAGS)


def share(valid: Ints) -> Ints:
    """``agree`` of ``annotators``, as a share of more votes, rounded up."""
    return np.maximum(-(-RULE.agree * valid // RULE.annotators), RULE.agree)


def majority(valid: Ints) -> Ints:
    """More than the share halfway between ``agree`` and one less; of 2 of 3, more than half."""
    least = (2 * RULE.agree - 1) * valid // (2 * RULE.annotators) + 1
    return np.where(valid > RULE.annotators, least, RULE.agree)


def fixed(valid: Ints) -> Ints:
    """``agree``, however many voted."""
    return np.full(np.shape(valid), RULE.agree)


RULES: dict[str, Needed] = {"share": share, "majority": majority, "fixed": fixed}
"""Of more votes than asked, how many a tag needs; one of them is the house's."""


@dataclass
class Poll:
    """Votes given so far: of each sticker the first ``counts`` of the people in its ``turn``.

    ``said`` is people x stickers x tags, ``turn`` stickers x people.
    """

    said: Votes
    turn: Ints
    counts: Ints

    @classmethod
    def begin(cls, said: Votes, seed: int) -> Poll:
        """As many votes on each sticker as the rule asks for."""
        stickers = said.shape[1]
        turn = np.random.default_rng((seed, 7)).random((stickers, PEOPLE)).argsort(1)
        return cls(said, turn, np.full(stickers, RULE.annotators))

    def names(self) -> pa.Array:
        """Ids of the stickers, in order."""
        return pa.array([f"{n:06d}" for n in range(len(self.counts))])

    def table(self) -> pa.Table:
        """The votes, valid ones, as the merge reads them."""
        rows = np.repeat(np.arange(len(self.counts)), self.counts)
        place = np.arange(len(rows)) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        person = self.turn[rows, place]
        given = self.said[person, rows]
        offsets = np.concatenate([[0], np.cumsum(given.sum(1))]).astype(np.int32)
        tags = pa.ListArray.from_arrays(offsets, pa.array(_NAMES[np.nonzero(given)[1]]))
        return pa.table(
            {
                "id": self.names().take(pa.array(rows)),
                "annotator": pa.array([f"person {n}" for n in person]),
                "tags": tags,
                "skipped": np.zeros(len(rows), bool),
                "simulated": np.ones(len(rows), bool),
                "domain": pa.array(["cartoon"] * len(rows)),
            }
        )

    def labels(self) -> Votes:
        """Effective tags of each sticker, stickers x tags."""
        nothing = ADJUDICATIONS.schema.empty_table()
        merged = vote_rule.label_stickers(self.names(), self.table(), nothing, RULE, None)
        found = np.zeros((len(merged), len(TAGS)), bool)
        for row, tags in enumerate(merged["tags"].to_pylist()):
            found[row, [TAGS.index(tag) for tag in tags]] = True
        return found


@contextmanager
def merging(needed: Needed) -> Iterator[None]:
    """Let the house's merge take another number of needed votes."""
    ours = vote_rule.needed_votes
    vote_rule.needed_votes = lambda valid, rule: needed(valid)
    try:
        yield
    finally:
        vote_rule.needed_votes = ours


def macro_f1(labels: Votes, truth: Votes) -> float:
    """Mean F1 over the tags that occur."""
    occurs = truth.any(0)
    right = (labels & truth).sum(0)[occurs]
    whole = (labels.sum(0) + truth.sum(0))[occurs]
    return float((2 * right / whole).mean())
