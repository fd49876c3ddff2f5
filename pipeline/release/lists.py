"""Lists made from pairs of a row's number and a value, without a loop over rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import Ints, lists_of


def sorted_lists(
    rows: Ints, values: pa.Array, count: int, *, distinct: bool = False
) -> pa.ListArray:
    """The same with each row's values sorted, and each there once if ``distinct``."""
    encoded = values.dictionary_encode()
    texts = encoded.dictionary
    order = pc.sort_indices(texts).to_numpy()
    rank = np.empty(len(texts), np.int64)
    rank[order] = np.arange(len(texts))
    # One number for a row and its text's place, so that sorting numbers sorts both.
    width = max(1, len(texts))
    keys = rows * width + rank[encoded.indices.to_numpy()]
    keys = np.unique(keys) if distinct else np.sort(keys)
    return lists_of(keys // width, texts.take(pa.array(order[keys % width])), count)


def distinct_words(pairs: list[tuple[Ints, Any]], count: int) -> pa.ListArray:
    """Lists of the distinct trimmed texts of several columns of texts; empty ones are left out."""
    rows = np.concatenate([rows for rows, _ in pairs])
    texts = pc.utf8_trim_whitespace(pa.concat_arrays([_whole(texts) for _, texts in pairs]))
    there = pc.fill_null(pc.not_equal(texts, ""), False)
    return sorted_lists(rows[there.to_numpy(False)], texts.filter(there), count, distinct=True)


def first_of(rows: Ints, values: Any, count: int) -> pa.Array:
    """For each of ``count`` rows the first of its values; null where there is none."""
    found, places = np.unique(rows, return_index=True)
    indices = np.zeros(count, np.int64)
    missing = np.ones(count, bool)
    indices[found], missing[found] = places, False
    return _whole(values).take(pa.array(indices, mask=missing))


def _whole(values: Any) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
