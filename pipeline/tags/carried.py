"""Which kept stickers carry which keywords, and what the keywords stand for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Reader
from pipeline.tags.keywords import COLUMNS, carried_keywords

Ints = npt.NDArray[np.int64]


def carried_in(reader: Reader, block: Sequence[int]) -> pa.Table:
    """Keywords of the kept stickers of a block: ``sticker`` counts over all of them."""
    return carried_keywords(reader.read("observations", block, COLUMNS), kept_in(reader, block))


def kept_in(reader: Reader, block: Sequence[int]) -> pa.Array:
    """Ids of a block's stickers in order, null where one is not kept."""
    decisions = reader.read("decisions", block, ["id", "kept"])
    return pc.if_else(decisions["kept"], decisions["id"], None).combine_chunks()


def numbers_of(
    carried: pa.Table, keywords: pa.ChunkedArray, numbers: pa.ChunkedArray
) -> tuple[Ints, Ints]:
    """Stickers and the numbers that their keywords have, each pair once, in order."""
    number = numbers.take(pc.index_in(carried["keyword"], value_set=keywords))
    known = pc.is_valid(number)
    found = number.filter(known).to_numpy().astype(np.int64)
    width = int(found.max(initial=0)) + 1
    stickers = carried["sticker"].filter(known).to_numpy()
    pairs = np.unique(stickers.astype(np.int64) * width + found)
    return pairs // width, pairs % width


def count_stickers(
    reader: Reader, keywords: pa.ChunkedArray, numbers: pa.ChunkedArray, width: int
) -> list[int]:
    """Kept stickers that carry a keyword with each number from 0 to below ``width``."""
    total = np.zeros(width, dtype=np.int64)
    for block in reader.blocks:
        _, found = numbers_of(carried_in(reader, block), keywords, numbers)
        total += np.bincount(found, minlength=width)
    return [int(count) for count in total]
