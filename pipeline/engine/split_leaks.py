"""Ids, near-duplicate groups and templates of a release that stand in more than one split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

NEVER_SPLIT = ("id", "duplicate_group", "template_id")
"""Columns whose values each belong to one split."""


@dataclass
class LeakCheck:
    """Takes a release's rows, some at a time; holds their values: about 200 bytes a row."""

    _rows: list[pa.Table] = field(default_factory=list)

    def add(self, rows: pa.Table, split: str) -> None:
        """Take rows of a split with at least the columns in ``NEVER_SPLIT``."""
        texts = {name: rows[name].cast(pa.string()) for name in NEVER_SPLIT}
        self._rows.append(pa.table({**texts, "split": pa.repeat(split, len(rows))}))

    def problems(self) -> Iterator[list[str]]:
        """A line for each leak, column after column."""
        rows = pa.concat_tables(self._rows) if self._rows else None
        for column in NEVER_SPLIT:
            yield [] if rows is None else _leaks(rows.select([column, "split"]))


def _leaks(rows: pa.Table) -> list[str]:
    column = rows.schema.names[0]
    pairs = rows.filter(pc.is_valid(rows[column])).group_by([column, "split"]).aggregate([])
    counted = pairs.group_by(column).aggregate([([], "count_all")])
    leaking = counted.filter(pc.greater(counted["count_all"], 1))[column]
    found: dict[str, list[str]] = {}
    for row in pairs.filter(pc.is_in(pairs[column], value_set=leaking)).to_pylist():
        found.setdefault(row[column], []).append(row["split"])
    return [
        f"{column} {value} stands in {' and '.join(sorted(splits))}: a leak"
        for value, splits in sorted(found.items())
    ]
