"""The columns of a block of stickers, each read when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import Ints, entries
from pipeline.engine.workspace import Workspace

Flags = npt.NDArray[np.bool_]


@dataclass
class Block:
    """Stickers whose shards share a file, and what the tables say of them, row by row."""

    workspace: Workspace
    parts: tuple[int, ...]
    _read: dict[tuple[str, str], pa.ChunkedArray] = field(default_factory=dict)

    @property
    def ids(self) -> pa.Array:
        """The stickers, in the order of the shards."""
        return self.column("stickers", "id").combine_chunks()

    def column(self, table: str, name: str) -> pa.ChunkedArray:
        """A column of a table of one row a sticker, null where the table has no row."""
        key = (table, name)
        if key not in self._read:
            rows = self.workspace.read(table, self.parts, list(dict.fromkeys(["id", name])))
            if table != "stickers" and not rows["id"].equals(self.column("stickers", "id")):
                rows = rows.take(pc.index_in(self.ids, value_set=rows["id"].combine_chunks()))
            self._read[key] = rows[name]
        return self._read[key]

    def rows(self, table: str, columns: list[str]) -> tuple[Ints, pa.Table]:
        """Rows of a table with any number of them a sticker, and the sticker that each is of."""
        rows = self.workspace.read(table, self.parts, ["id", *columns])
        places = pc.index_in(rows["id"], value_set=self.ids)
        return pc.fill_null(places, -1).to_numpy().astype(np.int64), rows

    def among(self, ids: pa.Array) -> Flags:
        """Which of the stickers are some of those."""
        return np.asarray(pc.is_in(self.ids, value_set=ids).to_numpy(zero_copy_only=False))

    def marked(self, places: Ints) -> Flags:
        """Which of the stickers lie at some of the places, -1 being none."""
        found = np.zeros(len(self.ids), bool)
        found[places[places >= 0]] = True
        return found

    def agreement(self) -> pa.Array:
        """Of each sticker the mean share of its votes that each tag given has; null without."""
        owner, counts = entries(self.column("labels", "counts"))
        votes = pc.fill_null(self.column("labels", "votes"), 0).to_numpy()
        given = pc.struct_field(counts, "votes").to_numpy(zero_copy_only=False)
        size = len(self.ids)
        tags = np.bincount(owner, minlength=size)
        total = np.bincount(owner, weights=given, minlength=size)
        known = (tags > 0) & (votes > 0)
        # Tags in a skip's place, or unknown ones, may leave more than the valid votes gave.
        share = np.minimum(total / np.maximum(tags * votes, 1), 1.0)
        return pa.array(share, mask=~known)
