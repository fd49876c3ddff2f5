"""What people decided about earlier clusters, taken over to those of now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.tags.name_forms import same_name
from pipeline.tags.naming.rows import ADD, Naming, NamingRow

# Decisions that several rows may have from one, as none of them gets a name.
_FOR_MANY = {same_name(word) for word in ("merge", "合并", "drop", "删除", "block", "屏蔽")}


@dataclass(frozen=True)
class Carried:
    """Rows that proposals take over, by their key; tags added by hand; and what is left behind.

    A row in ``left`` was filled in, and no proposal has most of its exemplar keywords, or another
    has more of them; or it was added by hand, and a tag has that name by now. ``loose`` are keys
    of proposals whose target was not taken over.
    """

    rows: Mapping[str, NamingRow]
    added: tuple[NamingRow, ...] = ()
    left: tuple[NamingRow, ...] = ()
    loose: tuple[str, ...] = ()


def carry(old: Naming, proposals: Sequence[Mapping[str, Any]]) -> Carried:
    """Give each proposal what was decided about the old row that had most of its exemplars.

    ``proposals`` are rows of that table: ``key``, ``exemplars`` and ``version`` are read. A tag
    of the frozen set takes over the row of its own key, and so do proposals of the version that
    the row is about. A row that was kept goes to one proposal
    alone, the one that has most of its exemplars: two tags can't have one name.
    """
    filled = [row for row in old.rows if row.key and _is_filled(row)]
    exemplars = {row["key"]: frozenset(row["exemplars"] or ()) for row in proposals}
    versions = {row["key"]: row["version"] or "" for row in proposals}
    taken = _matches(filled, exemplars, versions)
    carried = {
        key: replace(row, key=key, version=versions[key], cells={}, exemplars=())
        for key in exemplars
        for row in (taken.get(key),)
        if row is not None
    }
    frozen = {row["key"]: row["name"] or "" for row in proposals if row["tag"]}
    there = {same_name(name) for name in frozen.values()}
    by_hand = [row for row in old.rows if not row.key]
    added = tuple(
        replace(row, decision=ADD, version="", cells={})
        for row in by_hand
        if same_name(row.name) not in there
    )
    aimed = dict(_with_targets(carried, added, frozen, taken))
    used = {id(row) for row in taken.values()}
    return Carried(
        rows=aimed,
        added=added,
        left=(
            *(row for row in filled if id(row) not in used),
            *(row for row in by_hand if same_name(row.name) in there),
        ),
        loose=tuple(key for key, row in aimed.items() if carried[key].into and not row.into),
    )


def carried_lines(carried: Carried) -> list[str]:
    """How much was taken over from an earlier file, and each row that was not, for people."""
    added = f", tags added by hand: {len(carried.added):,}" if carried.added else ""
    rows = "one row" if len(carried.rows) == 1 else f"{len(carried.rows):,} rows"
    lines = [f"taken over: {rows}{added}"]
    for row in carried.left:
        told = " ".join(filter(None, (row.decision or "undecided", row.name)))
        lines.append(
            f"not taken over: {row.key} ({told})"
            if row.key
            else f"not taken over: {row.name}, which is a tag by now"
        )
    for key in carried.loose:
        lines.append(f"{key} was to be merged into what isn't there now: say into what")
    return lines


def _is_filled(row: NamingRow) -> bool:
    texts = (row.decision, row.name, row.english, row.group, row.into, row.note)
    return any(texts) or bool(row.aliases)


def _matches(
    old: Sequence[NamingRow],
    exemplars: Mapping[str, Collection[str]],
    versions: Mapping[str, str],
) -> dict[str, NamingRow]:
    """Old rows by the key of the proposal that takes them over."""
    by_key = {
        row.key: row
        for row in old
        if row.key.startswith("t") or row.version == versions.get(row.key)
    }
    taken = {key: by_key[key] for key in exemplars if key in by_key}
    holders: dict[str, list[int]] = {}
    for place, row in enumerate(old):
        for keyword in set(row.exemplars):
            holders.setdefault(keyword, []).append(place)
    shared: list[tuple[int, int, str, int]] = []
    for number, (key, keywords) in enumerate(exemplars.items()):
        counts = Counter(place for keyword in keywords for place in holders.get(keyword, ()))
        shared += [
            (-count, number, key, place)
            for place, count in counts.items()
            if 2 * count >= len(keywords)
        ]
    given = {id(row) for row in taken.values()}
    for _, _, key, place in sorted(shared):
        row = old[place]
        many = same_name(row.decision) in _FOR_MANY
        if key not in taken and (many or id(row) not in given):
            taken[key] = row
            given.add(id(row))
    return taken


def _with_targets(
    carried: Mapping[str, NamingRow],
    added: Sequence[NamingRow],
    frozen: Mapping[str, str],
    taken: Mapping[str, NamingRow],
) -> Iterator[tuple[str, NamingRow]]:
    """The rows with ``into`` as it is called now, blank where it was not taken over."""
    now: dict[str, str] = {}
    for key, row in taken.items():
        now.setdefault(row.key, key)
    given = [row.name for row in (*carried.values(), *added)] + list(frozen.values())
    names = {same_name(name) for name in given if name}
    for key, row in carried.items():
        into = now.get(row.into, row.into)
        known = into in carried or into in frozen or (into and same_name(into) in names)
        yield key, replace(row, into=into if known else "")
