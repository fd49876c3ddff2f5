"""Which pictures of ours overlap with a data set that is known by its index alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipeline.copies.candidates import near_pairs
from pipeline.copies.pairs import Lists
from pipeline.release.contamination.coding import (
    VIEWS,
    Checks,
    Codes,
    codes_of,
    own_codes,
    view_boxes,
    view_codes,
)
from pipeline.release.contamination.index import FRAME, MEAN, STILL, Index
from pipeline.release.contamination.looking import Greys, is_blank, mean_picture

NEAR_CODE = 10
"""Bits of 64 within which codes meet."""
NEAR_CHECK = 100
"""Bits of 256 within which a candidate is worth laying over more exactly."""
SURE, LIKELY = 40, 62
"""Bits of 256 that checks of a copy differ in at most: hardly any other does, and few others."""
_OWNERS = 64
"""Rows or views that one code stands for at most: a clump of thousands shows in its first ones."""
_STEPS = (0.02, 0.01, 0.005)
_FURTHEST = 0.12
_AT_A_TIME = 4096

Ints = npt.NDArray[np.int64]


@dataclass
class Ours:
    """Pictures of ours in one go: means at 64x64, frames of animations as codes."""

    number: list[int] = field(default_factory=list)
    picture: list[Greys] = field(default_factory=list)
    moving: list[bool] = field(default_factory=list)
    frame_of: list[int] = field(default_factory=list)
    frame: list[Codes] = field(default_factory=list)
    frame_check: list[Checks] = field(default_factory=list)

    def add(self, number: int, frames: Greys) -> None:
        """Take the frames of the sticker of that number, as ``looking.look`` gives them."""
        moving = len(frames) > 1
        mean = mean_picture(frames)
        if not is_blank(mean):
            self.number.append(number)
            self.picture.append(mean)
            self.moving.append(moving)
        clear = frames[[not is_blank(one) for one in frames]] if moving else frames[:0]
        if len(clear):
            code, check = own_codes(clear)
            self.frame_of += [number] * len(clear)
            self.frame.append(code)
            self.frame_check.append(check)


@dataclass(frozen=True)
class Matches:
    """Pictures of ours beside rows of an index: the view in which they met, and the bits of 256
    that their checks differ in. ``view`` is a place in ``VIEWS``; -1 for a frame of ours."""

    ours: Ints
    row: Ints
    view: Ints
    bits: Ints


def find_matches(index: Index, ours: Ours) -> Matches:
    """All copies among what ``ours`` holds: stills and stills, means and means, stills and frames.

    A pair is told once, in the view in which it is nearest.
    """
    found = [_of_views(index, ours), _of_frames(index, ours)]
    one, row, view, bits = (
        np.concatenate([getattr(part, name) for part in found])
        for name in ("ours", "row", "view", "bits")
    )
    near = bits <= LIKELY
    order = np.lexsort((bits[near], row[near], one[near]))
    one, row, view, bits = (column[near][order] for column in (one, row, view, bits))
    first = np.append(True, (np.diff(one) != 0) | (np.diff(row) != 0))[: len(one)]
    return Matches(one[first], row[first], view[first], bits[first])


def _of_views(index: Index, ours: Ours) -> Matches:
    if not ours.picture:
        return _NONE
    pictures, moving = np.stack(ours.picture), np.array(ours.moving)
    parts = [view_codes(pictures[n : n + _AT_A_TIME]) for n in range(0, len(pictures), _AT_A_TIME)]
    codes = np.concatenate(parts)
    # A view that shows what the picture itself does finds nothing more.
    differs = codes != codes[:, :1]
    differs[:, 0] = True
    picture, view = np.nonzero(differs)
    place, row = _meeting(codes[picture, view], index)
    picture, view = picture[place], view[place]
    kind = index.kind[row]
    fits = np.where(moving[picture], kind == MEAN, (kind == STILL) | (kind == FRAME))
    picture, view, row = picture[fits], view[fits], row[fits]
    bits = np.empty(len(row), np.int64)
    for start in range(0, len(row), _AT_A_TIME):
        here = slice(start, start + _AT_A_TIME)
        bits[here] = _laid_over(pictures[picture[here]], view[here], index.check[row[here]])
    return Matches(np.array(ours.number)[picture], row, view, bits)


def _of_frames(index: Index, ours: Ours) -> Matches:
    if not ours.frame:
        return _NONE
    codes, checks = np.concatenate(ours.frame), np.concatenate(ours.frame_check)
    place, row = _meeting(codes, index)
    still = index.kind[row] == STILL
    place, row = place[still], row[still]
    bits = _differ(checks[place], index.check[row])
    return Matches(np.array(ours.frame_of)[place], row, np.full(len(row), -1), bits)


_NONE = Matches(*(np.empty(0, np.int64) for _ in range(4)))


def _meeting(codes: Codes, index: Index) -> tuple[Ints, Ints]:
    """Places of codes and rows of the index that lie within ``NEAR_CODE`` bits of each other."""
    rows = np.flatnonzero(index.kind <= FRAME)
    every, which = np.unique(np.concatenate([index.code[rows], codes]), return_inverse=True)
    theirs = np.zeros(len(every), np.bool_)
    theirs[which[: len(rows)]] = True
    mine = np.zeros(len(every), np.bool_)
    mine[which[len(rows) :]] = True
    one, other = near_pairs(every, NEAR_CODE, theirs if theirs.sum() < mine.sum() else mine)
    equal = np.flatnonzero(theirs & mine)
    of = Lists.grouped(which[: len(rows)], rows, len(every)).first(_OWNERS)
    by = Lists.grouped(which[len(rows) :], np.arange(len(codes)), len(every)).first(_OWNERS)
    places, found = [], []
    for ours, its in ((one, other), (other, one), (equal, equal)):
        fits = mine[ours] & theirs[its]
        pair, place = by.of(ours[fits])
        pair, row = of.of(its[fits][pair])
        places.append(place[pair])
        found.append(row)
    return np.concatenate(places), np.concatenate(found)


def _laid_over(pictures: Greys, views: Ints, checks: Checks) -> Ints:
    """Bits in which checks differ once each picture is laid over what its check is of.

    Where a window begins and ends is moved, edge by edge, as long as that makes them more alike.
    """
    boxes = view_boxes(pictures, views)
    mirrored = np.array([view.mirrored for view in VIEWS])[views]
    best = _differ(codes_of(pictures, boxes, mirrored)[1], checks)
    going = np.flatnonzero(best <= NEAR_CHECK)
    for step in _STEPS:
        for edge, way in _moves(step):
            moved = boxes[going].copy()
            moved[:, edge] += np.array(way) * step
            moved = np.clip(moved, -_FURTHEST, 1 + _FURTHEST)
            bits = _differ(codes_of(pictures[going], moved, mirrored[going])[1], checks[going])
            better = bits < best[going]
            boxes[going[better]], best[going[better]] = moved[better], bits[better]
    return best


def _moves(step: float) -> Iterator[tuple[list[int], list[int]]]:
    """Edges that are moved together: one alone, or both of an axis the same or opposite ways."""
    for _ in range(2):
        for axis in ([0, 1], [2, 3]):
            for ways in ([1, 1], [-1, -1], [1, -1], [-1, 1]):
                yield axis, ways
        for edge in range(4):
            yield from (([edge], [1]), ([edge], [-1]))


def _differ(one: Checks, other: Checks) -> Ints:
    return np.bitwise_count(one ^ other).sum(axis=1).astype(np.int64)
