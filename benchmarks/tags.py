"""Seconds and inertia of the sweep over numbers of clusters, against plain scikit-learn.

    python benchmarks/tags.py [CAPTIONS]

CAPTIONS is a TSV with a column "caption" (default ../shared/keywords/sticker_captions.tsv;
generated phrases where that is missing, or with --phrases N). Ours seeds once and takes prefixes
of that seeding, for --seeds seeds; plain scikit-learn seeds each number anew, with n_init=10 and
with n_init=1. Both cluster the same weighted vectors on one thread, by turns.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import threadpoolctl  # type: ignore[import-untyped]
from sklearn.cluster import KMeans

from pipeline.tags.keywords import keywords_of
from pipeline.tags.kmeans import SeededKMeans, choose_clusters
from pipeline.tags.segment import open_segmenter
from pipeline.tags.vectors import Vectors, vectorise
from pipeline.tags.words import STICKER_WORDS, read_dictionary, read_reactions
from schemas.config import TagsConfig

T = TypeVar("T")

_NUMBERS = (10, 50, 100, 200, 300, 400)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    captions = Path("../shared/keywords/sticker_captions.tsv")
    parser.add_argument("captions", nargs="?", type=Path, default=captions)
    parser.add_argument("--phrases", type=int, default=0, help="generate this many instead")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    if options.phrases or not options.captions.is_file():
        tokens, segment_s = _generated(options.phrases or 2000), 0.0
    else:
        tokens, segment_s = _segmented(options.captions)
    vectors = vectorise(tokens, 1)
    print(f"{len(tokens)} keywords, {vectors.matrix.shape[0]} distinct vectors, by turns:")
    config = TagsConfig(seeds=options.seeds)
    (_, curve), sweep_s = _timed(lambda: choose_clusters(vectors, config))
    figures = {
        "keywords": len(tokens),
        "segment_s": round(segment_s, 2),
        "sweep_s": round(sweep_s, 2),
        "numbers_tried": len(curve.ks),
        "k": curve.k,
        "height": round(curve.elbow.height, 3) if curve.elbow else None,
        "clear": curve.elbow.clear if curve.elbow else None,
        "k_by_seed": list(curve.by_seed),
        **_compare(vectors, options.seeds),
    }
    print(json.dumps({"benchmark": "tags", "figures": figures}))


def _compare(vectors: Vectors, seeds: int) -> dict[str, float]:
    """Seconds of all numbers together, and inertia as a share of plain n_init=10, the mean."""
    numbers = [k for k in _NUMBERS if k < vectors.count]
    with threadpoolctl.threadpool_limits(limits=1):
        ours, seed_s = _timed(
            lambda: [SeededKMeans(vectors, numbers[-1], seed) for seed in range(seeds)]
        )
        seconds = {"ours": seed_s, "plain10": 0.0, "plain1": 0.0}
        ratios = {"ours": 0.0, "plain1": 0.0}
        for k in numbers:
            best, took = _timed(partial(_best, ours, k))
            plain10, took10 = _timed(partial(_plain, vectors, k, 10))
            plain1, took1 = _timed(partial(_plain, vectors, k, 1))
            print(f"K={k}: {best:.1f} in {took:.2f} s, n_init=10 {plain10:.1f} in {took10:.2f} s")
            for name, value in (("ours", took), ("plain10", took10), ("plain1", took1)):
                seconds[name] += value
            ratios["ours"] += best / plain10 / len(numbers)
            ratios["plain1"] += plain1 / plain10 / len(numbers)
    return {
        "ours_s": round(seconds["ours"], 3),
        "plain_n_init_10_s": round(seconds["plain10"], 3),
        "plain_n_init_1_s": round(seconds["plain1"], 3),
        "ours_inertia_ratio": round(ratios["ours"], 4),
        "plain_n_init_1_inertia_ratio": round(ratios["plain1"], 4),
    }


def _best(attempts: Sequence[SeededKMeans], k: int) -> float:
    return min(attempt.inertia(k) for attempt in attempts)


def _plain(vectors: Vectors, k: int, runs: int) -> float:
    model = KMeans(k, n_init=runs, random_state=0)
    model.fit(vectors.matrix, sample_weight=vectors.weights)
    return float(model.inertia_)


def _segmented(captions: Path) -> tuple[list[tuple[str, ...]], float]:
    with captions.open(encoding="utf-8", newline="") as file:
        titles = [row["caption"] for row in csv.DictReader(file, delimiter="\t")]
    keywords = sorted({keyword for title in titles for keyword in keywords_of(None, None, title)})
    segment = open_segmenter(read_dictionary(STICKER_WORDS), read_reactions())
    return _timed(lambda: [tuple(segment(keyword)) for keyword in keywords])


def _generated(count: int) -> list[tuple[str, ...]]:
    """Phrases of one to five words, words by Zipf's law."""
    rng = random.Random(0)
    words = [f"w{n}" for n in range(max(100, count * 3 // 2))]
    weights = [1 / (n + 3) for n in range(len(words))]
    return [tuple(rng.choices(words, weights, k=rng.randint(1, 5))) for _ in range(count)]


def _timed(run: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    result = run()
    return result, time.process_time() - start


if __name__ == "__main__":
    main()
