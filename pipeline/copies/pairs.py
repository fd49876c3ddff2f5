"""Candidate pairs: pictures whose codes meet, from millions of codes, a wave of pairs at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.copies.candidates import near_pairs
from pipeline.copies.codes import Codes

Ints = npt.NDArray[np.int64]

_WAVE = 1 << 20
"""Meetings of codes looked at in one go: about 100 MB. One picture alone may have more."""
_VIEWS = 1 << 8
"""More than there are views."""
_NEAREST = 16
"""Earlier pictures that a picture is compared with at most: in a clump of thousands that share
their codes, comparing all with all would take days."""
_OWNERS = 16 * _NEAREST
"""Pictures, or views of them, that a code stands for at most: of more, the first ones."""
_VIEWS_TRIED = 4
"""Views in which a pair is compared at most: those in which it is nearest."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures, the view in which their codes met and the ``bits`` that these differ in.

    ``one`` is later than ``other``. Ordered by one, other, bits, view, each once.
    """

    one: Ints
    other: Ints
    view: Ints
    bits: Ints

    def __len__(self) -> int:
        return len(self.one)

    def __getitem__(self, chosen: Ints | npt.NDArray[np.bool_] | slice) -> Pairs:
        columns = self.one, self.other, self.view, self.bits
        return Pairs(*(column[chosen] for column in columns))


@dataclass(frozen=True)
class Lists:
    """Lists of whole numbers, end to end: that of ``n`` begins at ``starts[n]``."""

    values: Ints
    starts: Ints
    counts: Ints

    @classmethod
    def grouped(cls, by: Ints, values: Ints, count: int) -> Lists:
        """A list for each number below ``count``, of the values beside it."""
        counts = np.bincount(by, minlength=count)
        return cls(values[np.argsort(by, kind="stable")], np.cumsum(counts) - counts, counts)

    def first(self, most: int) -> Lists:
        """Their first values alone."""
        return Lists(self.values, self.starts, np.minimum(self.counts, most))

    def of(self, numbers: Ints) -> tuple[Ints, Ints]:
        """Each value in the lists of ``numbers``, after its place in ``numbers``."""
        counts = self.counts[numbers]
        place = np.repeat(np.arange(len(numbers)), counts)
        within = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        return place, self.values[self.starts[numbers][place] + within]

    def sums(self, of: Ints) -> Ints:
        """Sum over each list of what ``of`` says of its values."""
        ends = np.append(0, np.cumsum(of[self.values]))
        sums: Ints = ends[self.starts + self.counts] - ends[self.starts]
        return sums


class Meetings:
    """Where ``own`` codes of pictures meet ``others``, or one another if ``among_own``.

    ``sticker`` of the codes is the number of a picture, in the order of the crawl.
    """

    def __init__(self, own: Codes, others: Codes, distance: int, *, among_own: bool = True) -> None:
        picture = np.concatenate([own.sticker, others.sticker])
        view = np.concatenate([own.view, others.view])
        is_own = np.arange(len(picture)) < len(own.sticker)
        every = np.concatenate([own.code, others.code])
        codes, code = np.unique(every, return_inverse=True)
        flags = np.zeros(len(codes), np.bool_)
        flags[code[is_own]] = True
        pairs = near_pairs(codes, distance, flags)
        # Most codes are near no other: they are forgotten at once.
        shared = np.bincount(code, minlength=len(codes)) > 1
        for rows in pairs:
            shared[rows] = True
        kept = np.flatnonzero(shared[code])
        kept = kept[np.argsort(picture[kept], kind="stable")]
        renamed = np.cumsum(shared) - 1
        self._picture, self._view, self._own = picture[kept], view[kept], is_own[kept]
        self._code, count = renamed[code[kept]], int(shared.sum())
        self._codes = codes[shared]
        upper, lower = (renamed[rows] for rows in pairs)
        itself = np.arange(count)
        self._near = Lists.grouped(
            np.concatenate([upper, lower, itself]), np.concatenate([lower, upper, itself]), count
        )
        met = np.arange(len(kept)) if among_own else np.flatnonzero(~self._own)
        self._by_own = Lists.grouped(self._code[met], met, count).first(_OWNERS)
        met = np.flatnonzero(self._own)
        self._by_others = Lists.grouped(self._code[met], met, count).first(_OWNERS)

    def work(self, pictures: int) -> Ints:
        """How many meetings each picture has, with earlier and later ones."""
        own, others = (
            self._near.sums(held.counts)[self._code] for held in (self._by_own, self._by_others)
        )
        found: Ints = np.bincount(
            self._picture, weights=np.where(self._own, own, others), minlength=pictures
        ).astype(np.int64)
        return found

    def of(self, start: int, end: int) -> Pairs:
        """Pairs of the pictures from ``start`` up to ``end`` with earlier ones, the nearest few."""
        here = np.arange(*np.searchsorted(self._picture, [start, end]))
        own = self._own[here]
        return _nearest(
            _ordered([self._met(here[own], self._by_own), self._met(here[~own], self._by_others)])
        )

    def _met(self, entries: Ints, held: Lists) -> Ints:
        place, near = self._near.of(self._code[entries])
        which, met = held.of(near)
        one = entries[place[which]]
        earlier = self._picture[met] < self._picture[one]
        one, met = one[earlier], met[earlier]
        view = np.maximum(self._view[one], self._view[met])
        bits = np.bitwise_count(self._codes[self._code[one]] ^ self._codes[self._code[met]])
        return np.stack([self._picture[one], self._picture[met], view, bits], dtype=np.int64)


class KnownPairs:
    """Pairs that were found another way, in place of ``Meetings``; ordered by one.

    ``more`` are the views in which those of a view are compared, too.
    """

    def __init__(self, pairs: Pairs, more: Mapping[int, Sequence[int]]) -> None:
        self._pairs, self._more = pairs, more

    def work(self, pictures: int) -> Ints:
        """How many pairs each picture has with earlier ones, in any view."""
        times = 1 + max((len(views) for views in self._more.values()), default=0)
        return np.bincount(self._pairs.one, minlength=pictures) * times

    def of(self, start: int, end: int) -> Pairs:
        """Pairs of the pictures from ``start`` up to ``end``."""
        here = self._pairs[slice(*np.searchsorted(self._pairs.one, [start, end]))]
        found = [np.stack([here.one, here.other, here.view, here.bits])]
        for view, others in self._more.items():
            one, other, _, bits = found[0][:, here.view == view]
            found += [np.stack([one, other, np.full(len(one), more), bits]) for more in others]
        return _ordered(found)


def pair_waves(meetings: Sequence[Meetings | KnownPairs], pictures: int) -> Iterator[Pairs]:
    """All pairs in the order of the crawl, so many at a time that they fit into memory; those of
    a ``one`` come together."""
    work = np.cumsum(np.sum([found.work(pictures) for found in meetings], axis=0)) // _WAVE
    ends = np.append(np.flatnonzero(np.diff(work)) + 1, pictures)
    start = 0
    for end in ends.tolist():
        found = [one.of(start, end) for one in meetings]
        wave = _ordered([np.stack([p.one, p.other, p.view, p.bits]) for p in found])
        if len(wave):
            yield wave
        start = end


def _ordered(found: Sequence[Ints]) -> Pairs:
    rows = np.concatenate(found, axis=1)
    # As one number each, which sorts many times as quickly.
    first, last = (rows[:2].min(axis=1), rows[:2].max(axis=1)) if rows.size else ([0, 0], [0, 0])
    one, other, view, bits = rows
    key = (
        (((one - first[0]) * (last[1] - first[1] + 1) + other - first[1]) << 16) | bits << 8 | view
    )
    _, places = np.unique(key, return_index=True)
    return Pairs(*rows[:, places])


def _nearest(pairs: Pairs) -> Pairs:
    """The nearest views of the nearest pairs of each ``one``; of equals, the first ones."""
    new = np.append(True, (np.diff(pairs.one) != 0) | (np.diff(pairs.other) != 0))[: len(pairs)]
    starts = np.flatnonzero(new)
    pair = np.cumsum(new) - 1
    # A view in which codes met both ways is one to begin in all the same.
    _, places = np.unique(pair * _VIEWS + pairs.view, return_index=True)
    places.sort()
    pairs, pair = pairs[places], pair[places]
    starts = np.searchsorted(pair, np.arange(len(starts)))
    tried = np.arange(len(pairs)) - starts[pair] < _VIEWS_TRIED
    one = pairs.one[starts]
    order = np.lexsort((pairs.other[starts], pairs.bits[starts], one))
    place = np.empty(len(starts), np.int64)
    place[order] = np.arange(len(starts)) - np.searchsorted(one, one)
    return pairs[tried & (place < _NEAREST)[pair]]
