"""Older votes in today's tags: renames, merges, splits and drops of a ballot, applied in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.tag_pairs import TagPairs

KINDS = ("rename", "merge", "split", "drop")

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


def kinds_of_change(
    tags: Iterable[str], changes: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Tags of a ballot that change, by kind: rename, merge, split, drop.

    A merge is a tag whose new name another tag of the ballot has as well.

    >>> kinds_of_change(["笑", "哭", "泪"], {"笑": ["大笑"], "哭": ["泪"]})
    {'rename': ['笑'], 'merge': ['哭']}
    """
    arriving = Counter(new for tag in tags for new in set(changes.get(tag, (tag,))))
    kinds: dict[str, list[str]] = {}
    for tag, becomes in changes.items():
        if list(becomes) == [tag]:
            continue
        single = "merge" if len(becomes) == 1 and arriving[becomes[0]] > 1 else "rename"
        kind = "drop" if not becomes else "split" if len(becomes) > 1 else single
        kinds.setdefault(kind, []).append(tag)
    return {kind: sorted(kinds[kind]) for kind in KINDS if kind in kinds}


def migrate(votes: pa.Table, changes: Mapping[str, Change]) -> pa.Table:
    """Rows of ``votes`` or ``adjudications`` with their ``tags`` carried over."""
    old = pc.is_in(votes["tagset"], value_set=pa.array(sorted(changes), pa.string()))
    if not changes or not pc.any(old).as_py():
        return votes
    lists = votes["tags"].combine_chunks()
    owner = pc.list_parent_indices(lists)
    tag = pc.list_flatten(lists).dictionary_encode()
    version = votes["tagset"].combine_chunks().take(owner).dictionary_encode()
    # Each tag of a version is carried over once, however many gave it.
    width = len(version.dictionary) + 1
    numbers = tag.indices.to_numpy() * width + pc.fill_null(version.indices, width - 1).to_numpy()
    distinct, number = np.unique(numbers, return_inverse=True)
    versions = [*version.dictionary.to_pylist(), None]
    becomes = [
        sorted(carry_over([tag.dictionary[n // width].as_py()], versions[n % width], changes))
        for n in distinct.tolist()
    ]
    carried = pa.array(becomes, pa.list_(pa.string())).take(pa.array(number))
    tags = TagPairs([carried], None)
    column = tags.lists(tags.pairs(owner.to_numpy(), carried), len(votes))
    place = votes.schema.get_field_index("tags")
    field = votes.schema.field(place)
    column = pc.if_else(pc.is_valid(lists), column, None).cast(field.type)
    return votes.set_column(place, field, column)


def migrate_decisions(decisions: pa.Table, changes: Mapping[str, Change]) -> pa.Table:
    """Rows of ``adjudications`` in today's tags; one of nothing but dropped tags is a skip.

    It was no decision that no tag fits, so its sticker is to be decided about again. Where it also
    answers questions, only its ``tags`` are void (null).
    """
    carried = migrate(decisions, changes)
    if carried is decisions:
        return decisions
    before, after = (pc.list_value_length(table["tags"]) for table in (decisions, carried))
    emptied = pc.fill_null(pc.and_(pc.greater(before, 0), pc.equal(after, 0)), False)
    answers = pc.greater(pc.fill_null(pc.list_value_length(carried["answers"]), 0), 0)
    void = pc.and_(emptied, answers).combine_chunks()
    changes = {
        "skipped": pc.if_else(pc.and_not(emptied, answers), True, carried["skipped"]),
        "tags": pc.if_else(void, None, carried["tags"].combine_chunks()),
    }
    for name, column in changes.items():
        place = carried.schema.get_field_index(name)
        carried = carried.set_column(place, carried.schema.field(place), column)
    return carried
