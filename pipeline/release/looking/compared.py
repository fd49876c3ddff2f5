"""What a release's columns say of its files beside what the files are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.release.looking.rows import SAID

_APART = {"aspect": 1e-6, "entropy": 0.02}
"""By how much figures may differ; decoders of JPEG round differently."""


def differing(rows: pa.Table, measured: pa.Table) -> list[tuple[int, str, str]]:
    """Row, column, and both values in words, wherever a decoded file isn't what its row says.

    Columns that the release doesn't have are compared with nothing.
    """
    decoded = pc.is_valid(measured["pixel_sha256"])
    found: list[tuple[int, str, str]] = []
    for name in SAID:
        if name not in rows.schema.names:
            continue
        said, real = rows[name], measured[name]
        wrong = pc.and_(decoded, pc.fill_null(_apart(said, real, _APART.get(name, 0)), True))
        for row in np.flatnonzero(wrong.to_numpy()).tolist():
            told = f"{name} is {_tell(real[row].as_py())}, its row says {_tell(said[row].as_py())}"
            found.append((row, name, told))
    return found


def _apart(said: pa.ChunkedArray, real: pa.ChunkedArray, bound: float) -> pa.ChunkedArray:
    if pa.types.is_boolean(real.type):
        return pc.not_equal(said.cast(pa.bool_()), real)
    gap = pc.abs(pc.subtract(said.cast(pa.float64()), real.cast(pa.float64())))
    # A figure that is no number is apart from any.
    return pc.invert(pc.less_equal(gap, bound))


def _tell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
