"""The stickers that take part in the search for duplicates, and the pictures that they show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import value_codes
from pipeline.engine.stage import Reader

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_SIGNALS = ["width", "height", "frames", "animated", "pixel_sha256"]


@dataclass(frozen=True)
class Stickers:
    """Stickers in the order of the crawl; ``row`` counts over all shards.

    Those whose decoded frames are equal show the same *picture*; pictures are numbered in the
    order in which they were first crawled. ``rank`` is 0 of the best: most pixels, then frames,
    then bytes, then the first.
    """

    row: Ints
    picture: Ints
    rank: Ints
    animated: Flags
    text: pa.Array

    @property
    def first(self) -> Ints:
        """Place of the first sticker that shows each picture."""
        _, first = np.unique(self.picture, return_index=True)
        return first


def read_stickers(reader: Reader) -> tuple[pa.ChunkedArray, dict[int, int], Stickers]:
    """All ids, the sizes of shards, and the stickers that were read and that screening kept."""
    ids, found = [], []
    sizes: dict[int, int] = {}
    for block in reader.blocks:
        shards = [reader.read("stickers", part, ["id", "nbytes"]) for part in block]
        start = sum(sizes.values())
        sizes.update(zip(block, map(len, shards), strict=True))
        stickers = pa.concat_tables(shards)
        signals = reader.read("signals", block, [*_SIGNALS, "error"])
        ocr = reader.read("ocr", block, ["text", "error"])
        kept = reader.read("screening", block, ["kept"])["kept"]
        was_read = pc.and_(pc.is_null(signals["error"]), pc.is_null(ocr["error"]))
        rows = signals.select(_SIGNALS)
        rows = rows.append_column("row", pa.array(np.arange(start, start + len(stickers))))
        rows = rows.append_column("nbytes", stickers["nbytes"])
        found.append(rows.append_column("text", ocr["text"]).filter(pc.and_(kept, was_read)))
        ids.append(stickers["id"].combine_chunks())
    return pa.chunked_array(ids, pa.string()), sizes, _stickers(pa.concat_tables(found))


def _stickers(rows: pa.Table) -> Stickers:
    row = rows["row"].to_numpy()
    size = rows["width"].to_numpy().astype(np.int64) * rows["height"].to_numpy()
    nbytes = pc.fill_null(rows["nbytes"], 0).to_numpy()
    rank = np.empty(len(row), np.int64)
    rank[np.lexsort((row, -nbytes, -rows["frames"].to_numpy(), -size))] = np.arange(len(row))
    _, first, shown = np.unique(
        value_codes(rows["pixel_sha256"]), return_index=True, return_inverse=True
    )
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return Stickers(
        row=row,
        picture=number[shown],
        rank=rank,
        animated=rows["animated"].to_numpy(),
        text=rows["text"].combine_chunks(),
    )
