"""Who a sticker is: its pack, its look, and which other sticker it repeats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from synthetic.chance import Numbers, bits, hexadecimal, uniform

Flags = npt.NDArray[np.bool_]

_EVERY = 20
_APART = 1000
_PACKS = np.repeat(np.arange(4), (20, 27, 33, 40))
FORMATS = np.array(["gif", "png", "webp", "jpeg"], dtype=object)


@dataclass(frozen=True)
class Stickers:
    """Stickers by their numbers in the collection, from 0; everything follows from seed and number.

    Every twentieth belongs to a family of two, a thousand apart: the second repeats the first, in
    two of five families pixel by pixel, in two nearly, and in one it is only of its template (the
    same hash, another picture).
    """

    seed: int
    numbers: Numbers

    @cached_property
    def repeats(self) -> Flags:
        """Whether the sticker repeats the one a thousand before it."""
        return np.asarray((self.numbers % _EVERY == 0) & ((self.numbers // _APART) % 2 == 1))

    @cached_property
    def related(self) -> Flags:
        """Whether the sticker repeats another or is repeated."""
        return np.asarray(self.numbers % _EVERY == 0)

    @cached_property
    def picture(self) -> Numbers:
        """Number of the sticker whose picture this one shows."""
        return np.where(self.repeats, self.numbers - _APART, self.numbers)

    @cached_property
    def kind(self) -> npt.NDArray[np.str_]:
        """How a sticker equals that of its picture: "", "pixels", "perceptual" or "template"."""
        kinds = np.array(["pixels", "pixels", "perceptual", "perceptual", "template"])
        return np.where(self.repeats, kinds[(self.picture // _EVERY) % 5], "")

    @cached_property
    def packs(self) -> Numbers:
        """Number of the pack: four packs of 20 to 40 in every 120 stickers."""
        return self.numbers // 120 * 4 + _PACKS[self.numbers % 120]

    @cached_property
    def pack_index(self) -> Numbers:
        """Place in the pack, from 0."""
        starts = np.array([0, 20, 47, 80])
        return np.asarray(self.numbers % 120 - starts[_PACKS[self.numbers % 120]])

    @cached_property
    def format(self) -> npt.NDArray[np.int64]:
        """Index into FORMATS: 35% GIF, 45% PNG, 10% WebP, 10% JPEG."""
        shares = np.array([0.35, 0.8, 0.9])
        return np.searchsorted(shares, self.uniform("format", of_picture=True))

    @cached_property
    def animated(self) -> Flags:
        return np.asarray(self.format == 0)

    @cached_property
    def ids(self) -> npt.NDArray[np.str_]:
        """Ids of stickers that have no bytes."""
        return hexadecimal(self.seed, "id", self.numbers)

    @cached_property
    def phash(self) -> npt.NDArray[np.uint64]:
        """Perceptual hash: that of the picture, with two bits turned where it is only alike."""
        flips = np.uint64(1) << (self.numbers % 61).astype(np.uint64) | np.uint64(4)
        alike = self.kind == "perceptual"
        found = bits(self.seed, "phash", self.picture)
        return np.where(alike, found ^ flips, found)

    def uniform(self, what: str, *, of_picture: bool = False) -> npt.NDArray[np.float64]:
        """A number from 0 to 1 of each sticker, or of its picture."""
        return uniform(self.seed, what, self.picture if of_picture else self.numbers)


def shard(seed: int, part: int, shard_rows: int, rows: int) -> Stickers:
    """Stickers of a shard of a collection of ``rows``."""
    start = part * shard_rows
    return Stickers(seed, np.arange(start, min(start + shard_rows, rows), dtype=np.int64))
