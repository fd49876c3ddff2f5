"""Which pictures of ours overlap with a data set that is known by its index alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipeline.copies.candidates import near_pairs
from pipeline.copies.pairs import Lists
from pipeline.release.contamination.coding import (
    VIEWS,
    Checks,
    Codes,
    checks_of,
    own_codes,
    padded,
    view_boxes,
    view_codes,
)
from pipeline.release.contamination.index import FRAME, MEAN, STILL, Index
from pipeline.release.contamination.looking import Greys, is_blank, mean_picture

NEAR_CODE = 10
"""Bits of 64 within which codes meet."""
SURE, LIKELY = 16, 45
"""Bits of 256 that checks of a copy differ in at most, and those of one that was changed more."""
_OWNERS = 64
"""Rows or views that one code stands for at most: a clump of thousands shows in its first ones."""
_VIEWS_TRIED = 2
"""Views of a pair that are laid over: those whose codes are nearest."""
_STEPS = ((0.02, 90), (0.01, 75), (0.01, 60), (0.005, 55))
"""Shares of the sides by which edges are moved, and the bits within which it is worth trying."""
_CLOSE = 4
"""Bits within which nothing is left to be moved."""
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
    chosen = _nearest_views(picture, row, codes[picture, view] ^ index.code[row])
    picture, view, row = picture[chosen], view[chosen], row[chosen]
    bits = np.empty(len(row), np.int64)
    for start in range(0, len(row), _AT_A_TIME):
        here = slice(start, start + _AT_A_TIME)
        bits[here] = _laid_over(pictures[picture[here]], view[here], index.check[row[here]])
    return Matches(np.array(ours.number)[picture], row, view, bits)


def _nearest_views(picture: Ints, row: Ints, differ: Codes) -> Ints:
    """Places of the views in which each picture lies nearest to a row."""
    order = np.lexsort((np.bitwise_count(differ), row, picture))
    new = np.append(True, (np.diff(picture[order]) != 0) | (np.diff(row[order]) != 0))[: len(row)]
    start = np.maximum.accumulate(np.where(new, np.arange(len(row)), 0))
    chosen: Ints = order[np.arange(len(row)) - start < _VIEWS_TRIED]
    return chosen


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
    around = padded(pictures)
    best = _differ(checks_of(around, boxes, mirrored), checks)
    for step, near in _STEPS:
        going = np.flatnonzero((best > _CLOSE) & (best <= near))
        if not len(going):
            continue
        here, turned, aim = around[going], mirrored[going], checks[going]
        for edges, way in _MOVES:
            moved = boxes[going]
            moved[:, edges] += np.array(way) * step
            moved = np.clip(moved, -_FURTHEST, 1 + _FURTHEST)
            bits = _differ(checks_of(here, moved, turned), aim)
            better = bits < best[going]
            boxes[going[better]], best[going[better]] = moved[better], bits[better]
    return best


_MOVES = [
    *((axis, way) for axis in ([0, 1], [2, 3]) for way in ([1, 1], [-1, -1], [1, -1], [-1, 1])),
    *(([edge], [way]) for edge in range(4) for way in (1, -1)),
]
"""Edges that are moved together: both of an axis, the same way or opposite ones, or one alone."""


def _differ(one: Checks, other: Checks) -> Ints:
    return np.asarray(np.bitwise_count(one ^ other).sum(axis=1), np.int64)
