"""What rows are merged into: a name or a key, through chains, never in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipeline.engine.text import quoted
from pipeline.tags.name_forms import same_name
from pipeline.tags.naming.decided import Decided
from pipeline.tags.naming.rows import Problem

_SHOWN = 8


def follow_merges(rows: Sequence[Decided]) -> tuple[dict[int, int], list[Problem]]:
    """The row that each tag or merged row ends in, both by their places, and what is in the way."""
    direct, problems = _direct(rows)
    ends = {place: place for place, one in enumerate(rows) if one.is_tag}
    lost: set[int] = set()
    for place in direct:
        path = _path(place, direct, ends, lost)
        last = path[-1]
        if last in ends:
            ends.update(dict.fromkeys(path, ends[last]))
            continue
        onward = direct.get(last)
        if onward is not None and onward in path:
            problems.append(_circle(rows, path[path.index(onward) :]))
        lost.update(path)
    return ends, problems


def _path(
    place: int, direct: Mapping[int, int], ends: Mapping[int, int], lost: set[int]
) -> list[int]:
    """Places from a row on, up to one whose end is known, or that none follows but one of them."""
    path, seen = [place], {place}
    while path[-1] not in ends and path[-1] not in lost:
        following = direct.get(path[-1])
        if following is None or following in seen:
            break
        path.append(following)
        seen.add(following)
    return path


def _direct(rows: Sequence[Decided]) -> tuple[dict[int, int], list[Problem]]:
    """What each row says that it is merged into."""
    keys = {one.key: place for place, one in enumerate(rows) if one.key}
    names: dict[str, int] = {}
    # A tag comes before a row that is itself merged under the same name.
    for place, one in sorted(enumerate(rows), key=lambda item: not item[1].is_tag):
        if one.name and (one.is_tag or one.decision == "merge"):
            names.setdefault(same_name(one.name), place)
    found: dict[int, int] = {}
    problems: list[Problem] = []
    for place, one in enumerate(rows):
        if one.decision != "merge":
            continue
        target = keys.get(one.into.casefold(), names.get(same_name(one.into)))
        problems += _target_problems(one, None if target is None else rows[target])
        if target is not None and rows[target].decision in ("keep", "add", "merge"):
            found[place] = target
    return found, problems


def _target_problems(one: Decided, target: Decided | None) -> Iterator[Problem]:
    where = one.row.where("into")
    if not one.into:
        what = f"{one.told} is merged, but nothing says into what"
        yield Problem(where, what, "Write the name or the key of a row that is kept.")
    elif target is None:
        what = f"no row has {quoted(one.row.into)} as its name or key"
        yield Problem(where, what, "Write the name or the key of a row that is kept.")
    elif target.decision in ("drop", "block"):
        gone = "dropped" if target.decision == "drop" else "blocked"
        what = f"{one.told} is merged into {target.told}, which is {gone}"
        yield Problem(where, what, "Keep that one, or choose another.")


def _circle(rows: Sequence[Decided], circle: Sequence[int]) -> Problem:
    first = min(circle)
    turn = circle.index(first)
    ordered = [*circle[turn:], *circle[:turn], first]
    if len(circle) == 1:
        what = f"{rows[first].told} is merged into itself"
    else:
        shown = [rows[place].told for place in ordered]
        if len(shown) > _SHOWN:
            shown = [*shown[: _SHOWN - 1], "...", shown[-1]]
        what = f"these are merged in a circle: {' -> '.join(shown)}"
    return Problem(rows[first].row.where("into"), what, "Keep one of them.")
