"""Candidates for near-duplicates at scale: time, memory, and whether any is missed.

    python benchmarks/candidates.py [--stickers 1000000] [--own 2] [--windows 20] [--distance 4]

Codes are made up: random ones, with two bits in five of a sticker's windows as in its picture,
one sticker in twenty a copy of an earlier one (its own code a few bits from an own or a window
code of that), and clumps: blank pictures of which thousands have one code, and line art
whose codes differ in a few bits from one centre. The same search on a part of them is compared
with brute force over all pairs. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
import numpy.typing as npt

from pipeline.copies.candidates import near_pairs
from pipeline.copies.codes import Codes
from pipeline.copies.pairs import Meetings, pair_waves

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_BLANK, _LINE_ART = 2000, 2000
"""Stickers of a clump; there is one of each kind for every 200,000 stickers."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--stickers", type=int, default=1_000_000)
    arguments.add_argument("--own", type=int, default=2, help="codes of a sticker that are own")
    arguments.add_argument("--windows", type=int, default=20, help="codes that only own ones meet")
    arguments.add_argument("--distance", type=int, default=4, help="bits")
    arguments.add_argument("--check", type=int, default=50_000, help="codes for brute force")
    given = arguments.parse_args()
    own, windows = make_codes(given.stickers, given.own, given.windows, given.distance)
    missed, checked = check(own, windows, given.check, given.distance)
    cpu, wall = time.process_time(), time.perf_counter()
    meetings = Meetings(own, windows, given.distance)
    joined = time.process_time() - cpu
    pairs = met = 0
    for wave in pair_waves([meetings], given.stickers):
        met += len(wave)
        pairs += len(np.unique(wave.one * given.stickers + wave.other))
    found = {
        "stickers": given.stickers,
        "codes": len(own.code) + len(windows.code),
        "distance": given.distance,
        "candidates": pairs,
        "meetings": met,
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "cpu_seconds_search": round(joined, 1),
        "seconds": round(time.perf_counter() - wall, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "checked_codes": given.check,
        "checked_pairs": checked,
        "missed": missed,
    }
    print(json.dumps(found))


def make_codes(stickers: int, own: int, windows: int, distance: int) -> tuple[Codes, Codes]:
    """Own codes and windows of so many stickers."""
    chance = np.random.default_rng(0)
    every = chance.integers(0, 2**64, (stickers, own + windows), dtype=np.uint64)
    # Windows look like their picture to some degree.
    mask = chance.integers(0, 2**64, (stickers, windows), dtype=np.uint64)
    every[:, own:] = every[:, :1] & mask | every[:, own:] & ~mask
    copies = np.arange(20, stickers, 20)
    originals = (copies * chance.random(len(copies))).astype(np.int64)
    views = chance.integers(0, own + windows, len(copies))
    every[copies, 0] = every[originals, views] ^ _few_bits(chance, len(copies), distance)
    for clump in range(max(1, stickers // 200_000)):
        start = clump * 200_000
        every[start : start + _BLANK] = every[start, 0]
        art = every[start + _BLANK : start + _BLANK + _LINE_ART]
        art[:, 0] = every[start, 1] ^ _few_bits(chance, len(art), distance)
    differs = every != every[:, :1]
    differs[:, 0] = True
    number, view = (grid.astype(kind) for grid, kind in zip(
        np.indices(every.shape), (np.int32, np.uint8), strict=True))  # fmt: skip
    parts = slice(None, own), slice(own, None)
    mine, others = (
        Codes(*(grid[:, part][differs[:, part]] for grid in (number, every, view)))
        for part in parts
    )
    return mine, others


def _few_bits(chance: np.random.Generator, count: int, most: int) -> Words:
    """Numbers of which at most so many bits are set."""
    bits = np.uint64(1) << chance.integers(0, 64, (count, most), dtype=np.uint64)
    used = np.arange(most) < chance.integers(0, most + 1, count)[:, None]
    words: Words = np.bitwise_xor.reduce(np.where(used, bits, np.uint64(0)), axis=1)
    return words


def check(own: Codes, windows: Codes, count: int, distance: int) -> tuple[int, int]:
    """Pairs that the search misses or makes up among so many codes, and how many there are."""
    share = len(own.code) / (len(own.code) + len(windows.code))
    some = int(count * share)
    codes = np.concatenate([own.code[:some], windows.code[: count - some]])
    codes, first = np.unique(codes, return_index=True)
    is_own = first < some
    found = {
        (i, j)
        for i, j in zip(*(r.tolist() for r in near_pairs(codes, distance, is_own)), strict=True)
    }
    expected: set[tuple[int, int]] = set()
    for place in np.flatnonzero(is_own).tolist():
        near = np.flatnonzero(np.bitwise_count(codes ^ codes[place]) <= distance)
        expected.update((min(place, j), max(place, j)) for j in near.tolist() if j != place)
    return len(found ^ expected), len(expected)


if __name__ == "__main__":
    main()
