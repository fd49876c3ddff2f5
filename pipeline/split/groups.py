"""Groups of stickers that no split may separate."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

Link = tuple[str, Hashable]
"""A sticker's id and what it shares with others, such as ``("template", "ab12")``."""


def connected_groups(ids: Iterable[str], links: Iterable[Link]) -> dict[str, str]:
    """Group of each sticker: those that share a key, directly or through others, are one.

    A group is named after the smallest of its ``ids``; links may run through stickers that are
    not among ``ids``. The order of either changes nothing.
    """
    forest = _Forest()
    for sticker, key in links:
        # A key is a node like any other; the mark keeps keys and ids apart.
        forest.join(("id", sticker), ("key", key))
    smallest: dict[Hashable, str] = {}
    members = sorted(set(ids))
    for sticker in members:
        smallest.setdefault(forest.root(("id", sticker)), sticker)
    return {sticker: smallest[forest.root(("id", sticker))] for sticker in members}


class _Forest:
    """Disjoint sets with path halving."""

    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}

    def root(self, node: Hashable) -> Hashable:
        parent = self._parent
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]
            node = above
        return node

    def join(self, one: Hashable, other: Hashable) -> None:
        self._parent[self.root(other)] = self.root(one)
