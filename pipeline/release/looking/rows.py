"""Rows of a release a few at a time, with the bytes of their files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.datasets.release import unreadable_shard
from schemas.release import SPLITS

SAID = ("width", "height", "frames", "duration_ms", "animated", "aspect", "entropy")
"""Columns that are measured on the file, and so can be measured again."""
_READ = ("id", "format", "ocr_text", "flags", *SAID)
_CHUNK, _CHUNK_BYTES = 32, 16_000_000


@dataclass(frozen=True)
class Chunk:
    """A few rows of one split: their columns, and their files' bytes (null: it carries none)."""

    split: str
    rows: pa.Table
    files: pa.Array


def read_chunks(folder: Path) -> Iterator[Chunk]:
    """All rows of a release, split after split, in the order of ``SPLITS``.

    Of the columns, those that the release has. Raises StickerworksError where a shard can't be
    read to its end.
    """
    for split in SPLITS:
        for file in sorted((folder / "data").glob(f"{split}-*.parquet")):
            try:
                yield from _chunks(file, split)
            except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
                raise unreadable_shard(file, error) from error


def count_rows(folder: Path) -> int:
    """Rows of all splits, by the shards' footers."""
    files = (file for split in SPLITS for file in (folder / "data").glob(f"{split}-*.parquet"))
    try:
        return sum(int(pq.read_metadata(file).num_rows) for file in files)
    except (pa.ArrowException, OSError):
        return 0  # reading the rows says what is wrong


def _chunks(file: Path, split: str) -> Iterator[Chunk]:
    with pq.ParquetFile(file) as shard:
        columns = [name for name in _READ if name in shard.schema_arrow.names]
        for group in range(shard.num_row_groups):
            rows = shard.read_row_group(group, columns=[*columns, "image"])
            files = pc.struct_field(rows["image"], "bytes").combine_chunks()
            lengths = pc.fill_null(pc.binary_length(files), 0).to_numpy()
            rows, start = rows.drop_columns(["image"]), 0
            while start < len(rows):
                size = held = 0
                while start + size < len(rows) and size < _CHUNK and held < _CHUNK_BYTES:
                    held += int(lengths[start + size])
                    size += 1
                yield Chunk(split, rows.slice(start, size), files.slice(start, size))
                start += size
