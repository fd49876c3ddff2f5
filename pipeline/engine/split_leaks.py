"""Ids, near-duplicate groups and templates of a release that stand in more than one split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NEVER_SPLIT = ("id", "duplicate_group", "template_id")
"""Columns whose values each belong to one split."""


@dataclass
class LeakCheck:
    """Takes a release's rows one by one; ``seen`` is the split each column's value first stood in.

    Only leaking values have a set of splits: one for every value would be most of the memory.
    """

    seen: dict[str, dict[str, str]] = field(
        default_factory=lambda: {name: {} for name in NEVER_SPLIT}
    )
    _leaks: dict[str, dict[str, set[str]]] = field(
        default_factory=lambda: {name: {} for name in NEVER_SPLIT}
    )

    def add(self, row: Mapping[str, Any], split: str) -> None:
        for column in NEVER_SPLIT:
            value = row[column]
            if value is not None:
                first = self.seen[column].setdefault(value, split)
                if first != split:
                    self._leaks[column].setdefault(value, {first}).add(split)

    def problems(self) -> Iterator[list[str]]:
        """A line for each leak, column after column."""
        for column, leaks in self._leaks.items():
            yield [
                f"{column} {value} stands in {' and '.join(sorted(splits))}: a leak"
                for value, splits in sorted(leaks.items())
            ]
