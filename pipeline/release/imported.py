"""What the data sets that a sticker was imported from say of it, as a text of a release."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.engine.columns import lists_of
from pipeline.release.lists import sorted_lists

_OTHERS = "others"


def imported_texts(imported: pa.Table, count: int) -> pa.Array:
    """A JSON object for each sticker of a block, null where it wasn't imported.

    It has the keys dataset, name, split and record; where several rows have the same bytes, the
    others stand in a list under ``others``.
    """
    found: dict[int, dict[str, Any]] = {}
    for row in imported.to_pylist() if "row" in imported.column_names else ():
        said = {name: row[name] for name in ("dataset", "name", "split")}
        said["record"] = json.loads(row["record"] or "{}")
        first = found.setdefault(row["row"], said)
        if first is not said:
            first.setdefault(_OTHERS, []).append(said)
    texts = (json.dumps(found[n], ensure_ascii=False) if n in found else None for n in range(count))
    return pa.array(texts, pa.string())


def data_sets(imported: pa.Table, count: int) -> pa.ListArray:
    """The names of the data sets that each sticker of a block was imported from, each once."""
    if "row" not in imported.column_names:
        return lists_of(np.empty(0, np.int64), pa.array([], pa.string()), count)
    rows, names = imported["row"].to_numpy(), imported["dataset"].combine_chunks()
    return sorted_lists(rows, names, count, distinct=True)
