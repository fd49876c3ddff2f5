"""What it costs to compare two stickers by their pictures, in milliseconds of one core.

    python benchmarks/pairs.py ../shared/real-stickers [--captions 60]

Compared are captions on one real picture, each with earlier ones, as in a clump of one template;
real stickers with copies of half their size; and stickers that have nothing to do with each other.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.copies import measured
from benchmarks.planting.captions import captioned, texts
from benchmarks.planting.judging import Row, Shard
from benchmarks.planting.pictures import scaled
from benchmarks.planting.stickers import Opened, encoded, opened, real_stickers
from pipeline.copies.comparing import SAME, load_pictures
from schemas.config import DuplicatesConfig

_STILLS, _LEAST_SIDE = 100, 200
_EARLIER = 16
"""Earlier ones of a clump with which each is compared, as by the step."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="stickers and a manifest.jsonl")
    parser.add_argument("--captions", type=int, default=60, help="on one picture")
    asked = parser.parse_args()
    stills = [found for _, found in zip(range(_STILLS), _stills(asked.folder), strict=False)]
    rows = [measured(encoded(one, lambda frame: frame, "png")) for one in stills]
    halves = [measured(encoded(one, scaled(Random(0), 0.5), "jpeg")) for one in stills]
    count = len(rows)
    clump = list(_captions(stills[0], asked.captions))
    near = [(n, m) for n in range(len(clump)) for m in range(max(0, n - _EARLIER), n)]
    figures = {
        "captions on one picture": _cost(clump, near),
        "copies of half the size": _cost(rows + halves, [(n, n + count) for n in range(count)]),
        "unrelated": _cost(rows, list(pairwise(range(count)))),
    }
    for name, (cost, same, pairs) in figures.items():
        print(f"{name:24} {pairs:5} pairs, {same} the same: {cost:.2f} ms each")
    print(json.dumps({name: round(cost, 2) for name, (cost, _, _) in figures.items()}))


def _stills(folder: Path) -> Iterator[Opened]:
    for sticker in real_stickers(folder):
        found = opened(sticker.path)
        if len(found.frames) == 1 and min(found.frames[0].size) >= _LEAST_SIDE:
            yield found


def _captions(sticker: Opened, count: int) -> Iterator[dict[str, Any]]:
    chance = Random(0)
    for _ in range(count):
        caption = captioned(Random(1), texts(chance, chance.randint(4, 9))[0], 0)
        yield measured(encoded(sticker, caption, "jpeg"))


def _cost(rows: Sequence[Row], pairs: Sequence[tuple[int, int]]) -> tuple[float, int, int]:
    """CPU milliseconds a pair, how many were the same, and of how many."""
    shard: Any = Shard(rows)
    every = np.arange(len(rows))
    ones, others = np.array(pairs).T
    with (
        threadpool_limits(limits=1, user_api="blas"),
        load_pictures(shard, {0: len(rows)}, every, DuplicatesConfig()) as pictures,
    ):
        began = time.process_time()
        views = np.zeros(len(pairs), np.int64)
        found = pictures.compare(ones, others, views, [(None, None)] * len(pairs))
        took = time.process_time() - began
    return 1000 * took / len(pairs), int((found.what == SAME).sum()), len(pairs)


if __name__ == "__main__":
    main()
