"""Reads two releases column by column, and finds the rows in which a column differs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import quoted
from pipeline.release.checksums import CHECKSUMS, listed_sums
from schemas.release import SPLITS

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_ID = r"^[0-9a-f]{64}$"
_BETWEEN = "\x1f"
_NULL = "\x00"


@dataclass(frozen=True)
class Shards:
    """The Parquet files of a release, in order, and the split of each."""

    folder: Path
    files: tuple[Path, ...]

    @cached_property
    def schema(self) -> pa.Schema:
        return pq.read_schema(self.files[0])

    @cached_property
    def ids(self) -> pa.ChunkedArray:
        """Ids of all rows; StickerworksError where they are none, or one is there twice."""
        ids = self.column("id")
        if not pa.types.is_string(ids.type) or ids.null_count:
            raise self._strange("its column id holds no texts")
        wrong = pc.invert(pc.match_substring_regex(ids, _ID))
        if pc.any(wrong).as_py():
            raise self._strange(f"{quoted(ids.filter(wrong)[0].as_py())} is no id of a sticker")
        if len(pc.unique(ids)) != len(ids):
            raise self._strange("a sticker stands in it twice")
        return ids

    @cached_property
    def splits(self) -> pa.ChunkedArray:
        """Split of each row."""
        names = [path.name.partition("-")[0] for path in self.files]
        sizes = [pq.read_metadata(path).num_rows for path in self.files]
        return pa.chunked_array(
            [pa.repeat(name, size) for name, size in zip(names, sizes, strict=True)], pa.string()
        )

    def column(self, name: str) -> pa.ChunkedArray:
        """All values of a column."""
        try:
            tables = [pq.read_table(path, columns=[name], partitioning=None) for path in self.files]
            # Not by way of a schema: those of two shards may differ in their metadata.
            return pa.chunked_array(
                [chunk for table in tables for chunk in table[name].chunks], tables[0][name].type
            )
        except (pa.ArrowException, OSError, KeyError) as error:
            told = " ".join(str(error).split())
            raise self._strange(f"its column {quoted(name)} can't be read: {told}") from error

    def _strange(self, why: str) -> StickerworksError:
        return StickerworksError(
            f"{self.folder} can't be compared: {why}.", "`stickerworks release verify` says more."
        )


def open_shards(folder: Path) -> Shards:
    """The shards of a release; StickerworksError where it is none, or not all of one."""
    files = tuple(sorted((folder / "data").glob("*.parquet")))
    if not files:
        raise StickerworksError(
            f"There is no Parquet release at {folder}.",
            "Give the folder that holds `data/` and README.md, or a version of the workspace.",
        )
    missing = [name for name in listed_sums(folder) if not (folder / name).is_file()]
    if missing:
        raise StickerworksError(
            f"{folder} is not whole: {quoted(missing[0])} of its {CHECKSUMS} is missing"
            + (f" (and {len(missing) - 1:,} more)." if len(missing) > 1 else "."),
            "Fetch it again, or what is missing of it.",
        )
    strange = [path.name for path in files if path.name.partition("-")[0] not in SPLITS]
    if strange:
        raise StickerworksError(
            f"{folder} can't be compared: data/{strange[0]} is of no known split.",
            "Give a release of stickerworks.",
        )
    for path in files:
        try:
            pq.read_metadata(path)
        except (pa.ArrowException, OSError) as error:
            raise StickerworksError(
                f"{path} can't be read: {' '.join(str(error).split())}.", "Fetch it again."
            ) from error
    return Shards(folder, files)


def differing(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Flags:
    """Where two columns of one type differ; null and null are equal."""
    ours, theirs = _comparable(one), _comparable(other)
    unequal = pc.not_equal(ours, theirs)
    either = pc.xor(pc.is_null(ours), pc.is_null(theirs))
    found: Flags = pc.if_else(pc.is_null(unequal), either, unequal).to_numpy()
    return found.astype(np.bool_)


def _comparable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column that can be compared as a whole: bytes by whether they are there (they are those of
    the id), lists as one text."""
    kind = column.type
    if pa.types.is_struct(kind):
        return pc.is_valid(column)
    if pa.types.is_list(kind):
        if not pa.types.is_string(kind.value_type):
            return pc.list_value_length(column)
        chunks = [pc.binary_join(chunk, _BETWEEN) for chunk in _without_nulls(column).chunks]
        return pa.chunked_array(chunks, pa.string())
    return column


def _without_nulls(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lists of texts in which a null says so, since a join would lose the whole list."""
    chunks = []
    for chunk in column.chunks:
        values = chunk.flatten()
        if values.null_count:
            lengths = pc.fill_null(pc.list_value_length(chunk), 0).to_numpy()
            offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
            mask = pc.is_null(chunk) if chunk.null_count else None
            values = pc.fill_null(values, _NULL)
            chunks.append(pa.ListArray.from_arrays(offsets, values, mask=mask))
        else:
            chunks.append(chunk)
    return pa.chunked_array(chunks, column.type)
