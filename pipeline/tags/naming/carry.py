"""What people decided about earlier clusters, taken over to those of now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.tags.name_forms import same_name
from pipeline.tags.naming.earlier import Earlier, decision_of, tag_row
from pipeline.tags.naming.rows import ADD, Naming, NamingRow

# Decisions that several rows may have from one, as none of them gets a name.
_FOR_MANY = {same_name(word) for word in ("merge", "合并", "drop", "删除", "block", "屏蔽")}
_SHOWN = 20
_KEEP = {same_name(word) for word in ("keep", "保留")}


@dataclass(frozen=True)
class Carried:
    """Rows that proposals take over, by their key; tags added by hand; and what is left behind.

    A row in ``left`` was filled in and nothing took it over; or it was added by hand, and a tag
    has that name by now. ``loose`` are keys of proposals whose target was not taken over.
    ``saved`` are keys of kept rows that are in ``added`` now, ``changed`` are lines about tags of
    which the file says something else than the set in use.
    """

    rows: Mapping[str, NamingRow]
    added: tuple[NamingRow, ...] = ()
    left: tuple[NamingRow, ...] = ()
    loose: tuple[str, ...] = ()
    saved: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def carry(
    old: Naming, proposals: Sequence[Mapping[str, Any]], earlier: Earlier | None = None
) -> Carried:
    """Give each proposal what was decided about the old row that had most of its exemplars.

    ``proposals`` are rows of that table. A tag of the frozen set takes over the row of its own key
    alone, or of the one that it was kept from, unless that says what was decided before; so do
    proposals of the version that the row is about. A row that was kept goes to one proposal alone,
    as two tags can't have one name, and where none has its exemplars, it becomes a tag added by
    hand that takes them. What ``earlier`` rounds applied is not decided again.
    """
    earlier = earlier or Earlier()
    tags = {row["key"]: row for row in proposals if row["tag"]}
    clusters = [row for row in proposals if not row["tag"]]
    now = {row["key"]: row["version"] or "" for row in proposals}
    filled = [row for row in old.rows if row.key and _is_filled(row)]
    of_tags, changed = _of_tags(filled, tags, earlier)
    used = {id(row) for row in filled if earlier.tag_of(row.version, row.key) in tags}
    used |= {id(row) for row in old.rows if earlier.is_applied(row)}
    taken = _matches([row for row in filled if id(row) not in used], clusters)
    used |= {id(row) for row in taken.values()}
    taken = {key: row for key in now if (row := of_tags.get(key) or taken.get(key))}
    carried = {
        key: replace(row, key=key, version=now[key], cells={}, exemplars=())
        for key, row in taken.items()
    }
    frozen = {key: row["name"] or "" for key, row in tags.items()}
    there = {same_name(name) for name in frozen.values()}
    by_hand = [row for row in old.rows if not row.key and id(row) not in used]
    added = [
        replace(row, decision=ADD, version="", cells={})
        for row in by_hand
        if same_name(row.name) not in there
    ]
    left = [row for row in filled if id(row) not in used]
    saved = _saved(left, [*carried.values(), *added], there, earlier)
    added += [row for _, row in saved]
    called = {row.key: row.name for row, _ in saved}
    aimed = dict(_with_targets(carried, added, frozen, taken, called, earlier))
    return Carried(
        rows=aimed,
        added=tuple(added),
        left=(
            *(row for row in left if row.key not in called),
            *(row for row in by_hand if same_name(row.name) in there),
        ),
        loose=tuple(key for key, row in aimed.items() if carried[key].into and not row.into),
        saved=tuple(called),
        changed=changed,
    )


def carried_lines(carried: Carried) -> list[str]:
    """How much was taken over from an earlier file, and each row that was not, for people."""
    by_hand = len(carried.added) - len(carried.saved)
    added = f", tags added by hand: {by_hand:,}" if by_hand else ""
    rows = "one row" if len(carried.rows) == 1 else f"{len(carried.rows):,} rows"
    lines = [f"taken over: {rows}{added}"]
    if carried.saved:
        shown = ", ".join(carried.saved[:_SHOWN])
        more = ", ..." if len(carried.saved) > _SHOWN else ""
        lines.append(
            f"added as tags that take what was shown of them, as no cluster is theirs any more: "
            f"{len(carried.saved):,} ({shown}{more})"
        )
    lines += carried.changed
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


def _of_tags(
    old: Sequence[NamingRow], tags: Mapping[str, Mapping[str, Any]], earlier: Earlier
) -> tuple[dict[str, NamingRow], tuple[str, ...]]:
    """Rows of frozen tags that decide anew, and lines about all that differ from these."""
    taken: dict[str, NamingRow] = {}
    lines = []
    for written in old:
        id_ = earlier.tag_of(written.version, written.key)
        if id_ not in tags or id_ in taken:
            continue
        frozen = tag_row(id_, tags[id_]["name"] or "", tags[id_])
        row = written
        if not row.key.startswith("t"):  # names of what was merged into it came later
            row = replace(row, aliases=tuple(dict.fromkeys((*row.aliases, *frozen.aliases))))
        says, is_now = decision_of(row), decision_of(frozen)
        if says == is_now:
            taken[id_] = row
            continue
        told = f"{row.decision or 'undecided'} {row.name}".strip()
        what = f"{id_} is {frozen.name} in the set in use; the file says {told}"
        what += "" if says[:2] != is_now[:2] else ", and another English name, group or alias"
        if earlier.is_older(id_, written):
            lines.append(f"{what}, which is older: not taken over")
        else:
            taken[id_] = row
            lines.append(f"{what}: taken over, see that it is meant")
    return taken, tuple(lines)


def _matches(
    old: Sequence[NamingRow], clusters: Sequence[Mapping[str, Any]]
) -> dict[str, NamingRow]:
    """Old rows by the key of the cluster that takes them over."""
    by_key = {(row.key, row.version): row for row in old}
    pairs = ((row["key"], by_key.get((row["key"], row["version"] or ""))) for row in clusters)
    taken = {key: row for key, row in pairs if row is not None}
    holders: dict[str, list[int]] = {}
    for place, row in enumerate(old):
        for keyword in set(row.exemplars):
            holders.setdefault(keyword, []).append(place)
    shared: list[tuple[int, int, str, int]] = []
    for number, cluster in enumerate(clusters):
        keywords = frozenset(cluster["exemplars"] or ())
        counts = Counter(place for keyword in keywords for place in holders.get(keyword, ()))
        known = sum(keyword in holders for keyword in keywords)
        shared += [
            (-count, number, cluster["key"], place)
            for place, count in counts.items()
            # New keywords say nothing against it.
            if 2 * count >= (known if count > 1 else len(keywords))
        ]
    given = {id(row) for row in taken.values()}
    for _, _, key, place in sorted(shared):
        row = old[place]
        many = same_name(row.decision) in _FOR_MANY
        if key not in taken and (many or id(row) not in given):
            taken[key] = row
            given.add(id(row))
    return taken


def _saved(
    left: Sequence[NamingRow],
    beside: Sequence[NamingRow],
    there: Collection[str],
    earlier: Earlier,
) -> list[tuple[NamingRow, NamingRow]]:
    """Kept rows that nothing took over, each with the added tag that holds its names."""
    names = {*there, *(same_name(row.name) for row in beside if row.name)}
    claimed = {keyword for row in beside for keyword in row.keywords} | set(earlier.settled)
    saved = []
    for row in left:
        name = same_name(row.name)
        keywords = tuple(word for word in row.exemplars if word not in claimed)
        kept = same_name(row.decision) in _KEEP and row.version not in earlier.versions
        if not kept or not name or name in names or not keywords:
            continue
        names.add(name)
        claimed.update(keywords)
        note = f"{row.note}; " if row.note else ""
        tag = NamingRow(
            decision=ADD, name=row.name, english=row.english, group=row.group,
            aliases=row.aliases, keywords=keywords, note=f"{note}was {row.key} of an earlier sheet",
        )  # fmt: skip
        saved.append((row, tag))
    return saved


def _with_targets(
    carried: Mapping[str, NamingRow],
    added: Sequence[NamingRow],
    frozen: Mapping[str, str],
    taken: Mapping[str, NamingRow],
    called: Mapping[str, str],
    earlier: Earlier,
) -> Iterator[tuple[str, NamingRow]]:
    """The rows with ``into`` as it is called now, blank where it was not taken over."""
    now: dict[str, str] = {}
    for key, row in taken.items():
        now.setdefault(row.key, key)
    given = [row.name for row in (*carried.values(), *added)] + list(frozen.values())
    names = {same_name(name) for name in given if name}
    for key, row in carried.items():
        old = taken[key]
        into = earlier.tag_of(old.version, old.into) or now.get(row.into)
        into = into or called.get(row.into, row.into)
        known = into in carried or into in frozen or (into and same_name(into) in names)
        yield key, replace(row, into=into if known else "")
