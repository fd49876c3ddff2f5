"""The reasons against stickers, collected column by column and given back sticker by sticker."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.engine.columns import lists_of
from schemas.tables import REASON

Texts: TypeAlias = pa.Array | pa.ChunkedArray | str | None
Numbers: TypeAlias = pa.Array | pa.ChunkedArray | float | None


class Reasons:
    """Reasons against ``stickers`` rows; a row's reasons keep the order in which they come."""

    def __init__(self, stickers: int) -> None:
        self._stickers = stickers
        self._rows: list[NDArray[np.int64]] = []
        self._reasons: list[pa.Table] = []

    def add(
        self,
        rows: pa.Array | pa.ChunkedArray,
        rule: str,
        value: Numbers = None,
        threshold: Numbers = None,
        detail: Texts = None,
    ) -> None:
        """Add one reason to each of ``rows``: the same for all, or an array of what differs."""
        if not len(rows):
            return
        given = (rule, value, threshold, detail)
        columns = [
            _column(one, field.type, len(rows)) for one, field in zip(given, REASON, strict=True)
        ]
        self._rows.append(rows.to_numpy().astype(np.int64))
        self._reasons.append(pa.table(columns, schema=pa.schema(list(REASON))))

    def any(self) -> NDArray[np.bool_]:
        """Which rows have a reason against them so far."""
        found = np.zeros(self._stickers, bool)
        for rows in self._rows:
            found[rows] = True
        return found

    def lists(self) -> pa.ListArray:
        """The reasons of each row; an empty list where there are none."""
        rows = np.concatenate([np.empty(0, np.int64), *self._rows])
        order = np.argsort(rows, kind="stable")
        found = pa.concat_tables([pa.schema(list(REASON)).empty_table(), *self._reasons])
        found = found.take(pa.array(order)).combine_chunks()
        columns = [column.combine_chunks() for column in found.columns]
        values = pa.StructArray.from_arrays(columns, fields=list(REASON))
        return lists_of(rows[order], values, self._stickers)


def _column(given: Texts | Numbers, kind: pa.DataType, rows: int) -> pa.ChunkedArray:
    if not isinstance(given, pa.Array | pa.ChunkedArray):
        given = pa.repeat(pa.scalar(given, kind), rows)
    whole = given if isinstance(given, pa.ChunkedArray) else pa.chunked_array([given])
    return whole.cast(kind)
