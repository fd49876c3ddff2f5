"""How much of each split is left when rows are lost: rows, tags, domain, before and after."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.counting import count_values

_COLUMNS = ("tags", "suggested_tags", "domain", "format")
_LISTED = 20


@dataclass
class Shares:
    """Rows of one split before and after, and their values by column."""

    before: int = 0
    after: int = 0
    values: dict[str, tuple[Counter[str], Counter[str]]] = field(default_factory=dict)

    def add(self, rows: pa.Table, kept: pa.Array) -> None:
        """Count rows, and those of them that are kept."""
        self.before += len(rows)
        self.after += pc.sum(kept).as_py() or 0
        for name in _COLUMNS:
            before, after = self.values.setdefault(name, (Counter(), Counter()))
            before.update(_values(rows[name]))
            after.update(_values(rows[name].filter(kept)))

    def gone(self, name: str) -> list[str]:
        """Values of a column that no row has any more."""
        before, after = self.values[name]
        return sorted(value for value in before if not after[value])

    def distance(self, name: str) -> float:
        """Total variation distance between the shares before and after: 0 the same, 1 disjoint."""
        before, after = self.values[name]
        if not before.total() or not after.total():
            return float(before.total() != after.total())
        return (
            sum(
                abs(count / before.total() - after[value] / after.total())
                for value, count in before.items()
            )
            / 2
        )

    def as_json(self) -> dict[str, Any]:
        """Rows, and of each column the distance, the values gone and those that moved most."""
        return {
            "rows": {"before": self.before, "after": self.after},
            **{name: self._column(name) for name in self.values},
        }

    def _column(self, name: str) -> dict[str, Any]:
        before, after = self.values[name]
        whole = max(1, before.total()), max(1, after.total())
        rows = [(value, count, after[value]) for value, count in before.items()]
        rows.sort(key=lambda row: (-abs(row[1] / whole[0] - row[2] / whole[1]), row[0]))
        return {
            "distance": round(self.distance(name), 4),
            "gone": self.gone(name)[:_LISTED],
            "gone_count": len(self.gone(name)),
            "moved_most": [
                {"value": value, "before": one, "after": other}
                for value, one, other in rows[:_LISTED]
            ],
        }


def _values(column: Any) -> Counter[str]:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_list(whole.type):
        whole = whole.flatten()
    return count_values(pc.drop_null(whole))
