"""What was said of stickers, as pairs of a sticker and a tag that somebody gave it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.tag_pairs import Flags, Ints
from annotation.human.tag_votes import read_tag_votes

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Given:
    """Votes on stickers; a pair is a sticker and a tag that at least one of its voters gave.

    ``ids``, ``annotators`` and ``tags`` are sorted, all else are places in them. ``votes`` counts
    those on each sticker, ``cast`` those of each annotator; ``sticker``, ``tag`` and ``yes`` (how
    many gave it) have a row a pair, in order of sticker and tag; ``pair``, ``annotator`` and
    ``said`` a row a pair and vote on its sticker.
    """

    ids: pa.Array
    annotators: pa.Array
    tags: pa.Array
    votes: Ints
    sticker: Ints
    tag: Ints
    yes: Ints
    pair: Ints
    annotator: Ints
    said: Flags
    cast: Ints

    @property
    def of(self) -> Ints:
        """Votes on each pair's sticker."""
        return self.votes[self.sticker]


def read_given(votes: pa.Table) -> Given:
    """From ``id``, ``annotator`` and ``tags`` of valid votes, one a sticker and annotator."""
    read = read_tag_votes(votes)
    width = max(1, len(read.tags))
    chosen = read.sets[read.chosen].tocoo()
    marks = read.sticker[chosen.row] * width + chosen.col
    keys, yes = np.unique(marks, return_counts=True)
    sticker = keys // width
    # Each pair beside every vote on its sticker; votes are in order of sticker.
    count = np.bincount(read.sticker, minlength=len(pc.unique(votes["id"])))
    first = np.cumsum(count) - count
    each = count[sticker]
    pair = np.repeat(np.arange(len(keys)), each)
    vote = np.arange(len(pair)) - np.repeat(np.cumsum(each) - each, each)
    vote += np.repeat(first[sticker], each)
    gave = np.sort(chosen.row.astype(np.int64) * width + chosen.col)
    wanted = vote * width + (keys % width)[pair]
    place = np.minimum(np.searchsorted(gave, wanted), max(0, len(gave) - 1))
    said = gave[place] == wanted if len(gave) else np.zeros(len(wanted), bool)
    return Given(
        ids=pc.unique(votes["id"]).sort(),
        annotators=read.annotators,
        tags=read.tags,
        votes=count.astype(np.int64),
        sticker=sticker,
        tag=keys % width,
        yes=yes.astype(np.int64),
        pair=pair,
        annotator=read.annotator[vote],
        said=said,
        cast=np.bincount(read.annotator, minlength=len(read.annotators)).astype(np.int64),
    )
