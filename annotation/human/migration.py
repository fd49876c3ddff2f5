"""Older votes in today's tags: renames, merges, splits and drops of a ballot, applied in turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Change = tuple[str, Mapping[str, Sequence[str]]]
"""The version that followed, and what became of each tag that did not stay as it was."""


def read_changes(table: pa.Table) -> dict[str, Change]:
    """Changes by the version that they start from, from the table ``tag_changes``."""
    changes: dict[str, tuple[str, dict[str, Sequence[str]]]] = {}
    for row in table.to_pylist():
        _, becomes = changes.setdefault(row["from_version"], (row["to_version"], {}))
        becomes[row["tag"]] = tuple(row["becomes"] or ())
    return dict(changes)


def carry_over(tags: Iterable[str], version: str | None, changes: Mapping[str, Change]) -> set[str]:
    """Tags given with ``version`` of the ballot, as the newest version knows them.

    A tag that was split becomes all of its parts; one that was dropped becomes nothing. A tag
    that no change names stays.

    >>> sorted(carry_over(["笑", "哭"], "1", {"1": ("2", {"笑": ["大笑", "微笑"]})}))
    ['哭', '大笑', '微笑']
    """
    carried = set(tags)
    seen: set[str] = set()
    while version is not None and version in changes and version not in seen:
        seen.add(version)
        version, becomes = changes[version]
        carried = {new for tag in carried for new in becomes.get(tag, (tag,))}
    return carried


def migrate(votes: pa.Table, changes: Mapping[str, Change]) -> pa.Table:
    """Rows of ``votes`` or ``adjudications`` with their ``tags`` carried over."""
    old = pc.is_in(votes["tagset"], value_set=pa.array(sorted(changes), pa.string()))
    if not changes or not pc.any(old).as_py():
        return votes
    rows: list[dict[str, Any]] = votes.select(["tags", "tagset"]).to_pylist()
    carried = [
        sorted(carry_over(row["tags"], row["tagset"], changes)) if row["tags"] else row["tags"]
        for row in rows
    ]
    place = votes.schema.get_field_index("tags")
    column = pa.array(carried, votes.schema.field(place).type)
    return votes.set_column(place, votes.schema.field(place), column)
