"""Tag sets that annotators gave, as numbers: what agreement on tags is measured from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.tag_pairs import Flags, Ints, TagPairs

_CHUNK = 1 << 18


@dataclass(frozen=True)
class TagVotes:
    """A vote a row, by sticker and annotator; an annotator votes on a sticker at most once.

    ``chosen`` is the row in ``sets`` (sparse; distinct sets x tags) of the tags that were given;
    ``annotator`` and the columns of ``sets`` are places in ``annotators`` and ``tags``, which are
    sorted.
    """

    sticker: Ints
    annotator: Ints
    chosen: Ints
    sets: Any
    annotators: pa.Array
    tags: pa.Array

    @property
    def sizes(self) -> Ints:
        """Tags of each distinct set."""
        return np.diff(self.sets.indptr).astype(np.int64)

    @property
    def given(self) -> Ints:
        """Votes on each sticker."""
        return np.bincount(self.sticker)

    @property
    def paired(self) -> Flags:
        """Whether each vote is on a sticker with another one, since one alone tells nothing."""
        return np.asarray(self.given[self.sticker] > 1)

    def pairs(self) -> tuple[Ints, Ints]:
        """Every two votes on the same sticker, the first annotator's first."""
        ends = np.cumsum(self.given)[self.sticker]
        here, step = np.arange(len(ends)), 1
        found = [np.empty((2, 0), np.int64)]
        while len(here := here[here + step < ends[here]]):
            found.append(np.stack([here, here + step]))
            step += 1
        one, other = np.concatenate(found, axis=1)
        return one, other

    def distances(self, one: Ints, other: Ints) -> npt.NDArray[np.float64]:
        """MASI distances of votes and their counterparts."""
        found: list[npt.NDArray[np.float64]] = [np.empty(0)]
        for start in range(0, len(one), _CHUNK):
            a, b = (self.chosen[votes[start : start + _CHUNK]] for votes in (one, other))
            common = np.asarray(self.sets[a].multiply(self.sets[b]).sum(axis=1)).reshape(-1)
            distance = 1 - masi_similarities(common, self.sizes[a], self.sizes[b])
            found.append(np.where(a == b, 0.0, distance))
        return np.concatenate(found)


def read_tag_votes(votes: pa.Table) -> TagVotes:
    """From ``id``, ``annotator`` and ``tags`` of votes that are no skips."""
    from scipy.sparse import csr_array

    sticker, _ = _ranked(votes["id"])
    annotator, annotators = _ranked(votes["annotator"])
    order = np.lexsort((annotator, sticker))
    lists = votes["tags"].take(pa.array(order)).combine_chunks()
    tags = TagPairs([lists], None)
    pairs = tags.pairs(np.arange(len(order)), lists)
    starts = np.searchsorted(pairs, np.arange(len(order) + 1) * tags.width).astype(np.int32)
    numbers = (pairs % tags.width).astype(np.int32)
    # Equal sets are equal texts of their tags' numbers.
    texts = pa.ListArray.from_arrays(pa.array(starts), pa.array(numbers).cast("string"))
    chosen = pc.binary_join(texts, ",").dictionary_encode().indices.to_numpy().astype(np.int64)
    _, first = np.unique(chosen, return_index=True)
    every = csr_array(
        (np.ones(len(numbers), np.int32), numbers, starts), shape=(len(order), tags.width)
    )
    return TagVotes(sticker[order], annotator[order], chosen, every[first], annotators, tags.names)


def masi_similarities(
    common: npt.NDArray[np.float64] | int, size: Ints, other: Ints
) -> npt.NDArray[np.float64]:
    """MASI similarity of sets that differ, from their sizes and the tags that they share."""
    monotonicity = np.where(common == np.minimum(size, other), 2 / 3, 1 / 3)
    similar: npt.NDArray[np.float64] = common / np.maximum(size + other - common, 1) * monotonicity
    return similar


def _ranked(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Place of each value among the distinct ones, which are sorted."""
    numbered = column.dictionary_encode().combine_chunks()
    order = pc.sort_indices(numbered.dictionary)
    return np.argsort(order.to_numpy())[numbered.indices.to_numpy()], numbered.dictionary.take(
        order
    )
