"""From a naming to a tag set, or to everything that is wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.engine.text import quoted, some
from pipeline.tags.name_forms import is_blocked, same_name
from pipeline.tags.naming.basis import Basis
from pipeline.tags.naming.decided import Decided, decide, row_problems
from pipeline.tags.naming.merging import follow_merges
from pipeline.tags.naming.rows import ADD, Naming, NamingError, Problem

_SHOWN = 10


@dataclass(frozen=True)
class ResolvedTag:
    """A tag of the set: its names, and the keys that it is made of, the one kept from first.

    ``kept`` is that key, "" where the tag was added; ``row`` is what it was decided in.
    """

    name: str
    english: str
    group: str
    aliases: tuple[str, ...]
    keys: tuple[str, ...]
    kept: str
    row: Decided


@dataclass(frozen=True)
class Resolved:
    """A naming that holds: its rows, its tags, and of each key the place of its tag (-1: none)."""

    rows: tuple[Decided, ...]
    tags: tuple[ResolvedTag, ...]
    tag_of: Mapping[str, int]
    notes: tuple[str, ...] = ()


def resolve(
    naming: Naming, basis: Basis, blocked: Collection[str], by_people: Collection[str] = ()
) -> Resolved:
    """The tag set that a naming makes of the proposals, however its rows are sorted.

    ``blocked`` words never become names; those that earlier rounds blocked (``by_people``) may be
    names of tags added by hand, which is noted. Raises NamingError with every problem at once.
    """
    problems = list(_version_problems(naming, basis))
    if problems:  # about other proposals, all else would be noise
        raise NamingError(naming.source, problems)
    rows = decide(naming)
    blocked = frozenset(blocked)
    every = blocked.union(by_people)
    for one in rows:
        problems += row_problems(one, basis, blocked if one.decision == ADD else every)
    problems += _blocked_here(rows, basis)
    problems += _key_problems(naming, rows, basis)
    ends, found = follow_merges(rows)
    problems += found
    problems += _name_problems(rows, ends)
    problems += _keyword_problems(rows)
    if not problems and not any(one.is_tag for one in rows):
        problems.append(Problem(naming.source, "no tag is left", "Keep some."))
    if problems:
        raise NamingError(naming.source, sorted(problems, key=_place))
    # However a sheet was sorted, it says the same.
    rows = _with_one_spelling(sorted(rows, key=_rank))
    lifted = tuple(_lifted(rows, frozenset(by_people)))
    blocked_now = every.union(_blocked_names(rows, basis))
    return _resolved(rows, follow_merges(rows)[0], basis, blocked_now, lifted)


def _rank(one: Decided) -> tuple[bool, bool, int, str, str]:
    """Frozen tags first, then clusters, then what is added, by name."""
    number = int(one.key[1:]) if one.key else 0
    return not one.key, one.key[:1] == "c", number, same_name(one.name), one.name


def _place(problem: Problem) -> tuple[str, int, str]:
    """Where a problem is, as people go through a sheet: row by row."""
    sheet, mark, _ = problem.where.partition("!")
    row = re.search(r"\d+", problem.where.removeprefix(sheet + mark) if mark else problem.where)
    return (sheet if mark else "", int(row[0][:9]) if row else 0, problem.where)


def versions_of(naming: Naming) -> list[str]:
    """The versions that the rows of a naming say, the one of most rows first."""
    return [version for version, _ in Counter(_versions(naming)).most_common()]


def _versions(naming: Naming) -> Iterator[str]:
    for row in naming.rows:
        if version := row.version.strip().casefold():
            yield version


def _version_problems(naming: Naming, basis: Basis) -> Iterator[Problem]:
    said = versions_of(naming)
    anew = (
        "Write a new one that takes over what still holds, with `stickerworks tags sheet --from "
        "FILE` or `stickerworks tags page --from FILE`."
    )
    if not said:
        what = "nothing says which version of the proposals it is about"
        yield Problem(naming.source, what, f"Put the column version back. {anew}")
    for version in said:
        if version == basis.version:
            continue
        rows = [row for row in naming.rows if row.version.strip().casefold() == version]
        more = f", and {len(rows) - 1:,} more rows" if len(rows) > 1 else ""
        yield Problem(
            rows[0].where("version"),
            f"it is about version {quoted(version)} of the proposals{more}, and they are of "
            f"version {basis.version} now",
            anew,
        )


def _key_problems(naming: Naming, rows: Sequence[Decided], basis: Basis) -> Iterator[Problem]:
    first: dict[str, Decided] = {}
    for one in rows:
        before = first.setdefault(one.key, one) if one.key else one
        if before is not one:
            yield Problem(
                one.row.where("key"),
                f"{one.key} has a row already ({before.row.where('key')})",
                "Take one of them out.",
            )
    missing = [key for key in basis.keys if key not in first]
    if not missing:
        return
    verb = "has" if len(missing) == 1 else "have"
    yield Problem(
        naming.source,
        f"{some(missing, _SHOWN)} {verb} no row",
        "Put the rows back: each needs a decision, and drop says that it means no tag.",
    )


def _blocked_here(rows: Sequence[Decided], basis: Basis) -> Iterator[Problem]:
    """Names that the naming itself blocks."""
    taken = _blocked_names(rows, basis)
    # What is suggested stands for its own cluster alone: nobody wrote it.
    written = frozenset(n for n, one in taken.items() if n in (one.name, one.english, *one.aliases))
    same = {same_name(name): name for name in reversed(taken)}
    for one, column, name in _names(rows):
        block = same.get(same_name(name))
        if block is None and is_blocked(name, written):
            block = next(word for word in sorted(written) if is_blocked(name, {word}))
        if block is not None:
            yield Problem(
                one.row.where(column),
                f"{quoted(name)} says {quoted(block)}, which is blocked with {taken[block].told} "
                f"({taken[block].row.where('decision')})",
                "Write another name, or drop that one rather than block it.",
            )


def _blocked_names(rows: Sequence[Decided], basis: Basis) -> dict[str, Decided]:
    """Names of the rows that are blocked; of one without a name, what is suggested for it."""
    taken: dict[str, Decided] = {}
    for one in rows:
        if one.decision == "block":
            for name in (one.name or basis.suggested.get(one.key, ""), one.english, *one.aliases):
                if name:
                    taken.setdefault(name, one)
    return taken


def _lifted(rows: Sequence[Decided], by_people: Collection[str]) -> Iterator[str]:
    """What people may want to know of tags that say what an earlier round blocked."""
    for one, column, name in _names([one for one in rows if one.decision == ADD]):
        if is_blocked(name, by_people):
            words = [word for word in sorted(by_people) if is_blocked(name, {word})]
            told = ", ".join(map(quoted, words[:_SHOWN]))
            yield f"{one.row.where(column)}: an earlier round blocked {told}; it is a name again"


def _names(rows: Sequence[Decided]) -> Iterator[tuple[Decided, str, str]]:
    """All names that rows give, those of tags first, then what else tags are called."""
    told = [one for one in rows if one.is_tag or one.decision == "merge"]
    yield from ((one, "name", one.name) for one in told if one.is_tag and one.name)
    yield from ((one, "name", one.name) for one in told if not one.is_tag and one.name)
    yield from ((one, "english", one.english) for one in told if one.english)
    yield from ((one, "aliases", alias) for one in told for alias in one.aliases)


def _name_problems(rows: Sequence[Decided], ends: Mapping[int, int]) -> Iterator[Problem]:
    """Names that two tags have, be it in another case, width or script."""
    place_of = {id(one): place for place, one in enumerate(rows)}
    taken: dict[str, tuple[Decided, str, str]] = {}
    for one, column, name in _names(rows):
        end = ends.get(place_of[id(one)])
        if end is None:
            continue  # what it is merged into is a problem already
        other, there, written = taken.setdefault(same_name(name), (one, column, name))
        if ends[place_of[id(other)]] == end:
            continue
        differs = "" if written == name else f", there written {quoted(written)}"
        yield Problem(
            one.row.where(column),
            f"{quoted(name)} is {_WHAT[there]} of {other.key or 'a tag that is added'} as well "
            f"({other.row.where(there)}{differs})",
            "Merge one into the other, or name them apart.",
        )


_WHAT = {"name": "the name", "english": "the English name", "aliases": "an alias"}


def _keyword_problems(rows: Sequence[Decided]) -> Iterator[Problem]:
    for column in ("keywords", "words"):
        taken: dict[str, Decided] = {}
        for one in rows:
            for text in getattr(one, column) if one.decision == "add" else ():
                other = taken.setdefault(text, one)
                if other is not one:
                    yield Problem(
                        one.row.where(column),
                        f"{other.told} takes {quoted(text)} already ({other.row.where(column)})",
                        "Leave it to one of them.",
                    )


def _with_one_spelling(rows: Sequence[Decided]) -> list[Decided]:
    """Rows whose groups are spelt as they first were."""
    spelt: dict[str, str] = {}
    return [
        replace(one, group=spelt.setdefault(same_name(one.group), one.group)) if one.group else one
        for one in rows
    ]


def _resolved(
    rows: Sequence[Decided],
    ends: Mapping[int, int],
    basis: Basis,
    blocked: Collection[str],
    notes: tuple[str, ...],
) -> Resolved:
    members: dict[int, list[Decided]] = {}
    for place, end in sorted(ends.items()):
        members.setdefault(end, []).append(rows[place])
    places = {place: number for number, place in enumerate(sorted(members))}
    taken = {same_name(name) for _, _, name in _names(rows)}
    tags: list[ResolvedTag] = []
    for place in sorted(members):
        own = rows[place]
        merged = [one for one in members[place] if one is not own]
        given = list(own.aliases)
        for one in merged:
            given += [one.name, *one.aliases, one.english]
        # It is still known by the name that it had, unless others have that now.
        earlier = basis.names.get(own.key, "")
        if earlier and same_name(earlier) not in taken and not is_blocked(earlier, blocked):
            given.append(earlier)
        keys = (own.key, *(one.key for one in merged))
        tags.append(
            ResolvedTag(
                name=own.name,
                english=own.english,
                group=own.group,
                aliases=_aliases(given, own),
                keys=tuple(key for key in keys if key),
                kept=own.key,
                row=own,
            )
        )
    tag_of = {
        one.key: places[ends[place]] if place in ends else -1
        for place, one in enumerate(rows)
        if one.key
    }
    return Resolved(tuple(rows), tuple(tags), tag_of, notes)


def _aliases(given: Sequence[str], own: Decided) -> tuple[str, ...]:
    """Other names, each once, that aren't the tag's name or English name."""
    seen = {same_name(own.name), same_name(own.english)} - {""}
    kept: list[str] = []
    for name in given:
        if name and (form := same_name(name)) not in seen:
            seen.add(form)
            kept.append(name)
    return tuple(kept)
