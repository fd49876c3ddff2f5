"""Which member of a group is kept: the best that all others equal, not just the first crawled.

A like B and B like C doesn't make A like C. All members equal their leader, so that it can always
stand for them; a better one does if each other member equals it, too. Copies that were mirrored,
cropped, marked or re-timed never take the place of their leader, however large they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.copies.best import Compare, best_relations
from pipeline.copies.comparing import HOW, SAME
from pipeline.copies.pairs import Lists, Pairs
from pipeline.filter.duplicates.grouping import Groups

Ints = npt.NDArray[np.int64]

_TRIES = 4
"""Better members of a group that are tried before its leader stays what is kept."""
_PERCEPTUAL = HOW.index("perceptual")


@dataclass(frozen=True)
class Kept:
    """By picture: the one that is kept of its group, and ``how`` and at what ``distance`` it
    equals that (-1 of those that are kept)."""

    picture: Ints
    how: Ints
    distance: Ints


def choose_kept(groups: Groups, rank: Ints, compare: Compare) -> Kept:
    """Choose among the pictures of every group; a lower ``rank`` (each its own) is better."""
    leader, every = groups.leader, np.arange(len(groups.leader))
    picture, how, distance = leader.copy(), groups.how.copy(), groups.distance.copy()
    members = np.flatnonzero(leader != every)
    held = Lists.grouped(leader[members], members, len(every))
    might = members[(groups.how[members] == _PERCEPTUAL) & (rank[members] < rank[leader[members]])]
    might = might[np.lexsort((rank[might], leader[might]))]
    first = np.searchsorted(leader[might], leader[might])
    turn = np.arange(len(might)) - first
    for number in range(min(_TRIES, int(turn.max(initial=-1)) + 1)):
        tried = might[(turn == number) & (picture[leader[might]] == leader[might])]
        place, member = held.of(leader[tried])
        candidate = tried[place]
        others = member != candidate
        candidate, member = candidate[others], member[others]
        one, other = np.maximum(candidate, member), np.minimum(candidate, member)
        # The member lies over its leader in that view, and so over what looks like the leader.
        _, found = best_relations(Pairs(one, other, groups.view[member], 0 * one), compare)
        fails = np.isin(tried, candidate[found.what != SAME])
        takes = tried[~fails]
        equal = np.isin(candidate, takes)
        how[member[equal]], distance[member[equal]] = found.how[equal], found.distance[equal]
        picture[member[equal]] = candidate[equal]
        # What its leader is to it, it is to its leader.
        how[leader[takes]], distance[leader[takes]] = groups.how[takes], groups.distance[takes]
        picture[leader[takes]] = picture[takes] = takes
        how[takes], distance[takes] = -1, -1
    return Kept(picture, how, distance)
