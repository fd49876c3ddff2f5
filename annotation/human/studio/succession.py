"""What people's own naming says became of a ballot's tags."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.human.studio.offered import OfferedTags, TagOrigin
from pipeline.engine.workspace import Workspace

_GONE = ("drop", "block")


@dataclass(frozen=True)
class Successor:
    """The tag of now, None where people dropped it; ``id`` is that of the tag."""

    tag: str | None
    id: str | None = None


@dataclass(frozen=True)
class _NamedSet:
    """A frozen tag set: its tags by id, and keys that were dropped when it was named."""

    basis: str | None
    tags: Mapping[str, Mapping[str, Any]]
    dropped: Collection[str]

    def holders(self, keys: Collection[str]) -> list[str]:
        """Tags that are made of any of these proposals."""
        return [id_ for id_, tag in self.tags.items() if not set(keys).isdisjoint(tag["keys"])]


def successors(
    workspace: Workspace,
    ballot: Mapping[str, TagOrigin],
    tagsets: Collection[str],
    now: OfferedTags,
) -> dict[str, Successor]:
    """What became of each tag of a ballot that stood for ``tagsets``; who is unknown is left out.

    A tag of the same id is the same tag, whatever it is called; one whose proposal was merged is
    the tag that it was merged into.
    """
    sets = _named_sets(workspace) if now.named else []
    if not sets:
        return {}
    names = {origin.id: tag for tag, origin in now.origins.items()}
    found: dict[str, Successor] = {}
    for tag, origin in ballot.items():
        end = _follow(origin, tagsets, sets)
        if end == "":
            found[tag] = Successor(None)
        elif end in names:
            found[tag] = Successor(names[end], end)
    return found


def _follow(origin: TagOrigin, tagsets: Collection[str], sets: Sequence[_NamedSet]) -> str | None:
    """The tag's id in the newest set; empty where it was dropped, None where nobody can say."""
    id_, keys = origin.id, origin.keys
    start = 0
    if id_ is None:
        # Numbers of clusters mean something only to a naming of these very clusters.
        based = [n for n, named in enumerate(sets) if named.basis in tagsets]
        if not based:
            return None
        start = based[-1]
        found = _next(None, keys, sets[start])
        if not found:
            return found
        id_ = found
    while True:
        last = max((n for n in range(start, len(sets)) if id_ in sets[n].tags), default=None)
        if last is None or last == len(sets) - 1:
            return None if last is None else id_
        here, after = sets[last], sets[last + 1]
        same_basis = here.basis == after.basis
        found = _next(id_, here.tags[id_]["keys"] or () if same_basis else (), after)
        if not found:
            return found
        id_, start = found, last + 1


def _next(id_: str | None, keys: Collection[str], after: _NamedSet) -> str | None:
    """Who has a tag's proposals in the set that follows; empty where they were dropped."""
    own = {*keys} if id_ is None else {id_, *keys}
    holders = after.holders(own)
    if len(holders) == 1:
        return holders[0]
    return "" if not holders and not own.isdisjoint(after.dropped) else None


def _named_sets(workspace: Workspace) -> list[_NamedSet]:
    """In the order in which people made them."""
    tags: dict[int, dict[str, Mapping[str, Any]]] = {}
    basis: dict[int, str | None] = {}
    for row in workspace.read("named_tags").to_pylist():
        tags.setdefault(row["number"], {})[row["id"]] = row | {"keys": row["keys"] or ()}
        basis[row["number"]] = row["basis"]
    dropped: dict[int, set[str]] = {}
    columns = ["number", "key", "decision"]
    for row in workspace.read("naming", columns=columns).to_pylist():
        if row["decision"] in _GONE and row["key"] is not None:
            dropped.setdefault(row["number"], set()).add(row["key"])
    return [_NamedSet(basis[n], tags[n], dropped.get(n, set())) for n in sorted(tags)]
