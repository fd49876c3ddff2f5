"""Groups and templates that stay as they are when the collection grows.

Pictures come in the order of the crawl, and what a picture joins depends on earlier ones alone:

* it joins the group of the *leader* that it equals most nearly (of equals, the first), or leads a
  group of its own. What equals leaders of several groups makes one of none: the leaders differ,
  so that merging would drop what doesn't equal the kept one. It is listed instead (``Join``);
* it has its template in common with all that it is related to in any way. Where those had several
  until then, they have one from then on, which is listed, too.

So later pictures change nothing about earlier ones but by joins of templates, which are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.copies.best import Compare, best_relations, slices
from pipeline.copies.codes import VIEWS
from pipeline.copies.comparing import NONE, SAME, STILL_OF
from pipeline.copies.pairs import Pairs

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_AT_ONCE = 1 << 8
"""Pairs whose pictures are placed in one go; of each, all that might lead are compared."""


@dataclass(frozen=True)
class Join:
    """A picture that joins what was apart before it.

    ``first`` leads its group, or is the first of its template; ``second`` leads the other group,
    to which it has ``distance``, or was the first of the other template (``distance`` -1).
    """

    picture: int
    first: int
    second: int
    distance: int = -1


@dataclass(frozen=True)
class Groups:
    """By picture: its leader, the ``view`` in which it equals that, ``how`` and at what
    ``distance`` (all -1 of leaders); the first picture of its template; the first animation that
    shows it, where it is a still, or -1."""

    leader: Ints
    view: Ints
    how: Ints
    distance: Ints
    template: Ints
    still_of: Ints
    group_joins: list[Join]
    template_joins: list[Join]


def group_pictures(animated: Flags, waves: Iterable[Pairs], compare: Compare) -> Groups:
    """Group pictures, numbered in the order of the crawl; ``animated`` says which ones move.

    ``waves`` are all candidate pairs, in order, those of a ``one`` in the same wave. The result
    doesn't depend on where one wave ends and the next begins.
    """
    grouping = _Grouping(animated, compare)
    for wave in waves:
        work = np.arange(len(wave)) // _AT_ONCE
        ends = np.flatnonzero(np.diff(wave.one, append=-1)) + 1
        cuts = ends[np.flatnonzero(np.diff(work[ends - 1]))]
        for part in slices(cuts, len(wave)):
            grouping.add(wave[part])
    return grouping.groups()


class Templates:
    """Templates by their first pictures: a forest in which every root is the first of its tree."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def first(self, picture: int) -> int:
        """The first picture of the template of one."""
        root = picture
        while (above := int(self._parent[root])) != root:
            root = above
        self._parent[picture] = root
        return root

    def tie(self, picture: int, others: Iterable[int]) -> list[Join]:
        """Tie a picture to earlier ones: the templates that it joins to that of its own."""
        roots = sorted({self.first(other) for other in (picture, *others)})
        for root in roots:
            self._parent[root] = roots[0]
        return [Join(picture, roots[0], root) for root in roots[1:] if root != picture]

    def all_first(self) -> Ints:
        found = self._parent
        while not np.array_equal(above := found[found], found):
            found = above
        return found


Relation = tuple[int, int, int, int]
"""What, how, distance, and the view in which it was seen."""


class _Grouping:
    def __init__(self, animated: Flags, compare: Compare) -> None:
        count = len(animated)
        self._animated, self._compare = animated, compare
        self._leader = np.arange(count)
        self._view, self._how, self._distance = np.full((3, count), -1)
        self._still_of = np.full(count, count)
        self._templates = Templates(count)
        self._group_joins: list[Join] = []
        self._template_joins: list[Join] = []

    def groups(self) -> Groups:
        count = len(self._leader)
        return Groups(
            self._leader,
            self._view,
            self._how,
            self._distance,
            self._templates.all_first(),
            np.where(self._still_of < count, self._still_of, -1),
            self._group_joins,
            self._template_joins,
        )

    def add(self, pairs: Pairs) -> None:
        """Place pictures of which ``pairs`` are all that they have with earlier ones."""
        mixed = self._animated[pairs.one] != self._animated[pairs.other]
        stills = self._note_stills(pairs[mixed])
        pairs = pairs[~mixed]
        # Looked at together, as if all of them were to lead; who joins another is looked at again.
        start = int(pairs.one.min(initial=len(self._leader)))
        known = self._related(self._led(pairs))
        for one, own in _by_one(pairs, stills):
            tied = stills.get(one, []) + self._place(one, own, start, known)
            if tied:
                self._template_joins += self._templates.tie(one, tied)

    def _place(
        self, one: int, pairs: Pairs, start: int, known: Mapping[tuple[int, int], Relation]
    ) -> list[int]:
        """Let a picture join a group, or lead one; all that it is related to."""
        leaders = self._leader[pairs.other]
        if ((pairs.other >= start) & (leaders != pairs.other)).any():
            known = self._related(self._led(pairs))
        relations = {leader: known[one, leader] for leader in np.unique(leaders).tolist()}
        same = sorted((found[2], leader) for leader, found in relations.items() if found[0] == SAME)
        if same:
            leader = same[0][1]
            _, self._how[one], self._distance[one], self._view[one] = relations[leader]
            self._leader[one] = leader
            self._group_joins += [Join(one, leader, other, gap) for gap, other in same[1:]]
        related = [leader for leader, found in relations.items() if found[0] != NONE]
        # Members can only tie templates: those that their leaders don't tie already.
        tied = {self._templates.first(leader) for leader in related}
        apart = [self._templates.first(other) not in tied for other in pairs.other.tolist()]
        members = self._related(pairs[(leaders != pairs.other) & np.array(apart, bool)])
        return related + [other for (_, other), found in members.items() if found[0] != NONE]

    def _led(self, pairs: Pairs) -> Pairs:
        """Pairs with the leaders of the others: in the views of their own, or else in those of
        the others, nearest first."""
        leader = self._leader[pairs.other]
        key = pairs.one * len(self._leader) + leader
        itself = leader == pairs.other
        led = Pairs(pairs.one, leader, pairs.view, pairs.bits)
        led = led[itself | ~np.isin(key, key[itself])]
        led = led[np.lexsort((led.view, led.bits, led.other, led.one))]
        key = (led.one * len(self._leader) + led.other) * len(VIEWS) + led.view
        _, first = np.unique(key, return_index=True)
        return led[np.sort(first)]

    def _related(self, pairs: Pairs) -> dict[tuple[int, int], Relation]:
        found, relations = best_relations(pairs, self._compare)
        keys = zip(found.one.tolist(), found.other.tolist(), strict=True)
        columns = relations.what, relations.how, relations.distance, found.view
        values = zip(*(column.tolist() for column in columns), strict=True)
        return dict(zip(keys, values, strict=True))

    def _note_stills(self, pairs: Pairs) -> dict[int, list[int]]:
        """What the pictures, of which one is a still and the other isn't, are related to."""
        found, relations = best_relations(pairs, self._compare)
        shown = found[relations.what == STILL_OF]
        swapped = self._animated[shown.one]
        still = np.where(swapped, shown.other, shown.one)
        np.minimum.at(self._still_of, still, np.where(swapped, shown.one, shown.other))
        related = found[relations.what != NONE]
        ties: dict[int, list[int]] = {}
        for one, other in zip(related.one.tolist(), related.other.tolist(), strict=True):
            ties.setdefault(one, []).append(other)
        return ties


def _by_one(pairs: Pairs, others: Iterable[int]) -> Iterator[tuple[int, Pairs]]:
    """The pairs of each picture, in order; none of those of ``others`` that have none."""
    ones = np.unique(np.concatenate([pairs.one, np.array(list(others), np.int64)]))
    starts, ends = (np.searchsorted(pairs.one, ones, side) for side in ("left", "right"))
    for one, start, end in zip(ones.tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield one, pairs[start:end]
