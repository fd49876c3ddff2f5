"""Merging votes and measuring agreement at the size of StickerTAG: 13,571 stickers, three votes.

Also compares alpha with nltk's on 500 stickers, missing votes and empty sets among them, which
nltk, being quadratic, takes seconds for.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from annotation.human.agreement import summarise
from annotation.human.masi import masi_alpha
from annotation.human.merge import merge_votes
from annotation.human.tag_votes import read_tag_votes
from schemas.config import MergeConfig
from schemas.tables import VOTES

_TAGS = [f"tag {n}" for n in range(461)]
_ANNOTATORS = "abc"
_GIVEN = pa.schema([VOTES.schema.field(name) for name in ("id", "annotator", "tags")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stickers", type=int, default=13_571)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    ids = [f"{n:064x}" for n in range(arguments.stickers)]
    votes = _votes(ids)
    merge = _median(lambda: merge_votes(votes, ids, MergeConfig(), _TAGS), arguments.rounds)
    given = read_tag_votes(votes)
    figures = {
        "stickers": len(ids),
        "merge_s": merge,
        "alpha_s": _median(lambda: masi_alpha(given), arguments.rounds),
        "summary_s": _median(lambda: summarise(votes), 1),
        **_against_nltk(),
    }
    for name, figure in figures.items():
        print(f"{name:<22} {figure:,.3g}")
    print(json.dumps({"benchmark": "votes", "figures": figures}))


def _median(work: Callable[[], Any], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _sets(count: int) -> list[list[list[str]]]:
    """Three tag sets a sticker: each annotator mostly sees the true tags."""
    random = np.random.default_rng(0)
    made = []
    for _ in range(count):
        true = random.choice(len(_TAGS), random.integers(1, 4), replace=False)
        made.append([_see(random, true) for _ in _ANNOTATORS])
    return made


def _see(random: np.random.Generator, true: Any) -> list[str]:
    seen = {_TAGS[tag] for tag in true if random.random() < 0.8}
    if random.random() < 0.3:
        seen.add(_TAGS[random.integers(len(_TAGS))])
    return sorted(seen)


def _votes(ids: list[str]) -> pa.Table:
    rows = [
        {"id": key, "annotator": name, "origin": "label_studio", "simulated": False,
         "skipped": False, "tags": tags, "domain": "cartoon", "sequence": n,
         "annotation": f"{n}/{name}"}
        for n, (key, three) in enumerate(zip(ids, _sets(len(ids)), strict=True))
        for name, tags in zip(_ANNOTATORS, three, strict=True)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=VOTES.schema)


def _against_nltk() -> dict[str, float]:
    from nltk.metrics import masi_distance
    from nltk.metrics.agreement import AnnotationTask

    def distance(first: frozenset[str], second: frozenset[str]) -> float:
        # nltk's own divides by zero for two empty sets, which agree.
        return 0.0 if first == second else float(masi_distance(first, second))

    random = np.random.default_rng(1)
    units = [[frozenset(tags) for tags in three if random.random() < 0.9] for three in _sets(500)]
    data = [
        (str(rater), str(item), tags)
        for item, unit in enumerate(units)
        for rater, tags in enumerate(unit)
        if len(unit) > 1
    ]
    started = time.perf_counter()
    theirs = AnnotationTask(data=data, distance=distance).alpha()
    theirs_s = time.perf_counter() - started
    rows = [{"id": item, "annotator": rater, "tags": sorted(tags)} for rater, item, tags in data]
    started = time.perf_counter()
    ours = masi_alpha(read_tag_votes(pa.Table.from_pylist(rows, schema=_GIVEN)))
    ours_s = time.perf_counter() - started
    if ours is None:
        raise AssertionError("votes that differ have an alpha")
    return {"nltk_difference": abs(ours - theirs), "nltk_speedup_500": theirs_s / ours_s}


if __name__ == "__main__":
    main()
