"""Lists of tags as pairs of whole numbers, which sort, count and compare by the million."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import lists_of
from schemas.tables import TAG_COUNT

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class TagPairs:
    """The tags of some lists, sorted; a pair of an owner and a tag is one number."""

    def __init__(self, lists: Iterable[pa.ListArray], tagset: Collection[str] | None) -> None:
        values = [pc.list_flatten(each) for each in lists]
        self.names = pc.unique(pa.concat_arrays(values)).sort()
        self.width = max(1, len(self.names))
        known = self.names if tagset is None else pa.array(sorted(tagset), pa.string())
        self._known = pc.is_in(self.names, value_set=known).to_numpy(zero_copy_only=False)

    def pairs(self, owners: Ints, lists: pa.ListArray) -> Ints:
        """The distinct pairs of each owner with the tags in its list, in order."""
        tags = pc.index_in(pc.list_flatten(lists), value_set=self.names).to_numpy()
        owner = owners[pc.list_parent_indices(lists).to_numpy()]
        pairs: Ints = np.unique(owner * self.width + tags)
        return pairs

    def owner(self, pairs: Ints) -> Ints:
        return pairs // self.width

    def known(self, pairs: Ints) -> Flags:
        """Whether the tag of each pair is one of the tag set."""
        return np.asarray(self._known[pairs % self.width])

    def lists(self, pairs: Ints, owners: int, votes: Ints | None = None) -> pa.ListArray:
        """A list for each of so many owners: of its tags, or of tags and their ``votes``."""
        values = self.names.take(pa.array(pairs % self.width))
        if votes is not None:
            numbers = pa.array(votes, pa.int32())
            values = pa.StructArray.from_arrays([values, numbers], fields=list(TAG_COUNT))
        return lists_of(self.owner(pairs), values, owners)


def count_rows(*columns: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Ints]:
    """The distinct rows of columns of equal length, sorted, and how often each occurs."""
    rows = np.stack(columns)
    rows = rows[:, np.lexsort(rows[::-1])]
    changes = np.flatnonzero(np.any(np.diff(rows) != 0, axis=0)) + 1
    ends = np.append(changes, rows.shape[1])
    starts = np.append(0, changes)
    kept = starts < ends  # no row where there are none
    return rows[:, starts[kept]].T, (ends - starts)[kept]
