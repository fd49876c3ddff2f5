"""Chance by number: what belongs to a sticker follows from its number, whichever shard holds it."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), "S2")


def bits(seed: int, what: str, numbers: Numbers) -> Words:
    """64 random bits for each number, the same for the same seed, purpose and number."""
    start = np.uint64(zlib.crc32(what.encode()) + (seed << 32))
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start
    # The finaliser of SplitMix64, twice: purposes differ in a few bits only.
    for _ in range(2):
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def uniform(seed: int, what: str, numbers: Numbers) -> npt.NDArray[np.float64]:
    """A number from 0 to 1 for each."""
    return (bits(seed, what, numbers) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(seed: int, what: str, numbers: Numbers) -> npt.NDArray[np.float64]:
    """A standard normal number for each (Box and Muller)."""
    radius = np.sqrt(-2 * np.log1p(-uniform(seed, f"{what} radius", numbers)))
    return np.asarray(radius * np.cos(2 * np.pi * uniform(seed, f"{what} angle", numbers)))


def zipf(seed: int, what: str, numbers: Numbers, size: int) -> Numbers:
    """A rank from 0 below ``size`` for each; the rank r comes up about as 1 / (r + 1)."""
    ranks = np.exp(uniform(seed, what, numbers) * np.log(size + 1)).astype(np.int64) - 1
    return np.asarray(np.clip(ranks, 0, size - 1))


def hexadecimal(seed: int, what: str, numbers: Numbers) -> npt.NDArray[np.str_]:
    """A text like a sha256 in hex for each."""
    words = [bits(seed, f"{what} {part}", numbers) for part in range(4)]
    raw = np.stack(words, axis=1).view(np.uint8)
    return np.ascontiguousarray(_HEX[raw]).view("S64")[:, 0].astype(str)
