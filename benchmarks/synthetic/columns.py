"""Columns of synthetic tables, without a Python object a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import Table

Known = Mapping[str, pa.Array]
"""Columns by name."""


def rows_of(table: Table, rows: int, known: Known) -> pa.Table:
    """The table's columns; those that aren't known are null."""
    return pa.table(
        [known.get(field.name, pa.nulls(rows, field.type)) for field in table.schema],
        schema=table.schema,
    )


def joined(*parts: Any) -> pa.Array:
    """Texts put together row by row; a single text stands in every row."""
    return pc.binary_join_element_wise(*parts, "")


def all_of(value: str, rows: int) -> pa.Array:
    """The same text in every row."""
    return pa.repeat(pa.scalar(value), rows)


def texts(values: npt.NDArray[np.str_]) -> pa.Array:
    """Texts of numpy as a column."""
    return pa.array(values.astype(object), pa.string())
