"""Which release of a workspace comes next, by the splits that were released from it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Reader


def number_of(reader: Reader, release: str) -> int:
    """Number of a release, from 1: the next one, or the newest's own where that is made again.

    Rows of ``released_splits`` with a lower number are of releases before it.
    """
    newest, name = 0, release
    for block in reader.blocks:
        rows = reader.read("released_splits", block, ["release", "number"])
        highest: int | None = pc.max(rows["number"]).as_py()
        if highest is not None and highest > newest:
            place = pc.index(rows["number"], pa.scalar(highest, pa.int32())).as_py()
            newest, name = highest, rows["release"][place].as_py()
    return max(1, newest if name == release else newest + 1)
