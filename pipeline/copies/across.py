"""Copies of the stickers of one collection among those of another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.copies.best import best_relations
from pipeline.copies.codes import StickerCodes
from pipeline.copies.comparing import NONE, Relations, load_pictures
from pipeline.copies.looks import Looks
from pipeline.copies.meeting import among, compare_numbered, read_codes
from pipeline.copies.pairs import Meetings, Pairs, pair_waves
from schemas.config import DuplicatesConfig

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Copies:
    """Related pairs of stickers of two sides: ``one`` lies on the higher side.

    ``what``, ``how`` and ``distance`` are those of ``comparing.Relations``: TEMPLATE (the same
    picture with a difference that counts), STILL_OF or SAME.
    """

    one: Ints
    other: Ints
    what: Ints
    how: Ints
    distance: Ints


def find_copies(looks: Looks, settings: DuplicatesConfig) -> Iterator[Copies]:
    """All related pairs of stickers that lie on different sides, some at a time, each once.

    Pictures decide, as in the filter's search for duplicates; of each sticker and kind of code the
    nearest sixteen on the other side are compared.
    """
    rows = np.arange(sum(looks.sizes.values()))
    reader = cast("Any", looks)  # as much of one as is asked for
    codes, animated = read_codes(reader, looks.sizes, rows), _animated(looks)
    sides = looks.sides
    meetings = [
        meeting
        for lower, upper in combinations(np.unique(sides).tolist(), 2)
        for meeting in _between(
            codes, animated, sides == lower, sides == upper, settings.max_phash_distance
        )
    ]
    if not meetings:
        return
    met = np.zeros(len(rows), np.bool_)
    for pairs in pair_waves(meetings, len(rows)):
        met[pairs.one] = met[pairs.other] = True
    numbers, texts = np.cumsum(met) - 1, looks.texts
    with (
        threadpool_limits(limits=1, user_api="blas"),
        load_pictures(reader, looks.sizes, rows[met], settings) as pictures,
    ):

        def compare(pairs: Pairs) -> Relations:
            return compare_numbered(pictures, numbers, texts, pairs)

        for wave in pair_waves(meetings, len(rows)):
            pairs, found = best_relations(wave, compare)
            related = found.what != NONE
            columns = (pairs.one, pairs.other, found.what, found.how, found.distance)
            yield Copies(*(column[related] for column in columns))


def _between(
    codes: StickerCodes, animated: Flags, lower: Flags, upper: Flags, distance: int
) -> Iterator[Meetings]:
    for kind in (~animated, animated):
        ours, theirs = among(codes.own, lower & kind), among(codes.own, upper & kind)
        yield Meetings(theirs, ours, distance, among_own=False)
        yield Meetings(theirs, among(codes.derived, lower & kind), distance, among_own=False)
        yield Meetings(ours, among(codes.derived, upper & kind), distance, among_own=False)
    for stills, moving in ((lower, upper), (upper, lower)):
        own = among(codes.own, stills & ~animated)
        yield Meetings(own, among(codes.frames, moving), distance, among_own=False)


def _animated(looks: Looks) -> Flags:
    parts = [
        pc.fill_null(looks.read("signals", part, ["animated"])["animated"], False).to_numpy()
        for part in looks.sizes
    ]
    return np.concatenate([np.empty(0, np.bool_), *parts])
