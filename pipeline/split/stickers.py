"""All stickers of a workspace, and which of them the filter keeps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.engine.stage import Reader


def read_ids(reader: Reader) -> pa.ChunkedArray:
    """Ids of all stickers, a chunk for each block; a sticker's row is its place there."""
    blocks = [reader.read("stickers", block, ["id"])["id"] for block in reader.blocks]
    return pa.chunked_array([block.combine_chunks() for block in blocks], pa.string())


def read_kept(reader: Reader) -> npt.NDArray[np.bool_]:
    """Whether each sticker is kept."""
    kept = [reader.read("decisions", block, ["kept"])["kept"].to_numpy() for block in reader.blocks]
    return np.concatenate([np.empty(0, bool), *kept])
