"""Columns from and to whole numbers, which sort, join and group by the million."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]


def entries(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """All values of a column of lists, and the row that each stands in."""
    lists = column.combine_chunks()
    return pc.list_parent_indices(lists).to_numpy().astype(np.int64), pc.list_flatten(lists)


def lists_of(rows: Ints, values: pa.Array, count: int) -> pa.ListArray:
    """A list for each of ``count`` rows, of the values whose ascending ``rows`` name it."""
    offsets = np.searchsorted(rows, np.arange(count + 1))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def value_codes(column: pa.ChunkedArray | pa.Array) -> Ints:
    """A number for each value, equal only where they are; null equals nothing."""
    encoded = column.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64)
    return np.where(codes < 0, ~np.arange(len(codes)), codes)


def known_numbers(numbers: Ints) -> pa.Array:
    """The numbers, null where they are below 0."""
    return pa.array(numbers, mask=numbers < 0)
