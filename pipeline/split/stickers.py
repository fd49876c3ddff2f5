"""All stickers of a workspace, which of them the filter keeps, and which a release has."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Reader


def read_ids(reader: Reader) -> pa.ChunkedArray:
    """Ids of all stickers, a chunk for each block; a sticker's row is its place there."""
    blocks = [reader.read("stickers", block, ["id"])["id"] for block in reader.blocks]
    return pa.chunked_array([block.combine_chunks() for block in blocks], pa.string())


def read_released(
    reader: Reader, ids: pa.ChunkedArray, *, labelled_only: bool
) -> npt.NDArray[np.bool_]:
    """Whether each sticker belongs into a release: it is kept and, with ``labelled_only``, has
    effective tags."""
    released = read_kept(reader).copy()
    if not labelled_only:
        return released
    labelled = [np.empty(0, bool)]
    for block, own in zip(reader.blocks, ids.chunks, strict=True):
        labels = first_rows(own, reader.read("labels", block, ["id", "status", "tags"]))
        effective = pc.fill_null(pc.equal(labels["status"], "effective"), False)
        given = pc.greater(pc.fill_null(pc.list_value_length(labels["tags"]), 0), 0)
        labelled.append(pc.and_(effective, given).to_numpy())
    released &= np.concatenate(labelled)
    return released


def first_rows(ids: pa.Array, rows: pa.Table) -> pa.Table:
    """The first row of each sticker in a table that may lack some, or all."""
    return rows.take(pc.index_in(ids, value_set=rows["id"].combine_chunks()))


def read_kept(reader: Reader) -> npt.NDArray[np.bool_]:
    """Whether each sticker is kept."""
    kept = [reader.read("decisions", block, ["kept"])["kept"].to_numpy() for block in reader.blocks]
    return np.concatenate([np.empty(0, bool), *kept])
