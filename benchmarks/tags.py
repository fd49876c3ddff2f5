"""Seconds, memory and inertia from keywords to proposals, against plain scikit-learn.

    python benchmarks/tags.py [--keywords 5000] [--min-df N] [--seeds N] [--plain RUNS] [--planted]

Keywords are phrases of one to five words of jieba's dictionary by Zipf's law, so that they have
a long tail and cutting them is real work: no structure but frequent words. Timed is the way from
the strings to proposals, in CPU seconds of all threads. --plain clusters a sample of the numbers
that were tried by scikit-learn's KMeans with as many runs each: ``inertia_ratio_sklearn`` is the
worst of the mean over our seeds against the best of its runs, and ``speed_ratio_sklearn_sweep``
says how many times longer the whole sweep would take it with k-means++ and a single run (seconds
between the numbers of the sample are interpolated). --planted finds 120 planted topics, over five
seeds. Fixtures are made here; memory is the peak of this process.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import threadpoolctl  # type: ignore[import-untyped]
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from pipeline.tags.clustering import shared_by
from pipeline.tags.fast_cut import FastCutter
from pipeline.tags.segment import _tokenizer, open_segmenter
from pipeline.tags.stages import PLAN
from pipeline.tags.sweep import choose_clusters
from pipeline.tags.vectors import vectorise
from pipeline.tags.words import STICKER_WORDS, read_dictionary, read_reactions
from schemas.config import Config, TagsConfig
from schemas.tables import TABLES

T = TypeVar("T")

_NUMBERS = (10, 50, 100, 200, 300, 500, 700, 1000)
_TOPICS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keywords", type=int, default=5000)
    parser.add_argument("--min-df", type=int, default=None)
    parser.add_argument("--seeds", type=int, default=TagsConfig().seeds)
    parser.add_argument("--plain", type=int, default=0)
    parser.add_argument("--planted", action="store_true")
    options = parser.parse_args()
    if options.planted:
        figures = _planted()
    else:
        config = TagsConfig(seeds=options.seeds)
        if options.min_df is not None:
            config = config.model_copy(update={"min_df": options.min_df})
        figures = _whole_way(options.keywords, config, options.plain)
    print(json.dumps({"benchmark": "tags", "figures": figures}))


def _whole_way(count: int, config: TagsConfig, runs: int) -> dict[str, Any]:
    size = f"{count // 1000}k"
    keywords = generate_phrases(count)
    segment, open_s = _timed(
        lambda: open_segmenter(read_dictionary(STICKER_WORDS), read_reactions())
    )
    tokens, cut_s = _timed(
        lambda: pa.array(map(segment, keywords.to_pylist()), pa.list_(pa.string()))
    )
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        rows = [keywords, tokens, pa.array(np.ones(len(keywords), dtype=np.int64))]
        _store(workspace, "keywords", pa.table(rows, schema=TABLES["keywords"].schema))
        steps_s = {}
        for step in itertools.takewhile(lambda step: "suggestions" not in step.writes, PLAN[1:]):
            _, steps_s[step.name] = _timed(partial(_run, workspace, step, Config(tags=config)))
        elbow = workspace.read("elbow").to_pylist()
        unclustered = workspace.read("clusters")["cluster"].null_count
        proposals = len(workspace.read("proposals"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    chosen = next(row for row in elbow if row["chosen"])
    figures = {
        f"seconds_{size}": round(open_s + cut_s + sum(steps_s.values()), 1),
        f"peak_gib_{size}": round(peak, 2),
        "open_s": round(open_s, 2),
        "cut_s": round(cut_s, 2),
        **{f"{name}_s": round(took, 1) for name, took in steps_s.items()},
        "numbers_tried": len(elbow),
        **{name: chosen[name] for name in ("k", "height", "clear", "stability")},
        "k_by_seed": [row["k"] for row in elbow for _ in range(row["seeds"])],
        "unclustered": unclustered,
        "proposals": proposals,
        **_cutting(keywords),
    }
    if runs:
        compared = _compare(tokens, elbow, config, runs)
        sweep = steps_s["clusters"]
        figures["inertia_ratio_sklearn"] = compared["worst"]
        figures["inertia_ratio_by_k"] = compared["ratios"]
        figures[f"speed_ratio_sklearn_sweep_{size}"] = round(
            compared["sweep_s"] * config.seeds / sweep, 1
        )
    return figures


def generate_phrases(count: int) -> pa.Array:
    """Distinct phrases of one to five words, sorted; words by Zipf's law."""
    rng = random.Random(0)
    words = sorted(
        word
        for word, times in _tokenizer(()).FREQ.items()
        if times and len(word) > 1 and word.isalpha() and not word.isascii()
    )
    rng.shuffle(words)
    weights = list(itertools.accumulate(1 / (place + 3) for place in range(len(words))))
    phrases: set[str] = set()
    while len(phrases) < count:
        phrases.add("".join(rng.choices(words, cum_weights=weights, k=rng.randint(1, 5))))
    return pa.array(sorted(phrases))


def _cutting(keywords: pa.Array) -> dict[str, float]:
    """Seconds for the texts as jieba and as we cut them, and how many are cut in another way."""
    slow = _tokenizer(read_dictionary(STICKER_WORDS))
    fast = FastCutter(slow)
    texts = keywords.to_pylist()
    expected, slow_s = _timed(lambda: [list(slow.cut(text)) for text in texts])
    found, fast_s = _timed(lambda: [list(fast.cut(text)) for text in texts])
    different = sum(ours != theirs for ours, theirs in zip(found, expected, strict=True))
    return {
        "jieba_s": round(slow_s, 2),
        "rjieba_s": round(fast_s, 2),
        "cut_differently": different,
    }


def _compare(
    tokens: pa.Array, elbow: Sequence[dict[str, Any]], config: TagsConfig, runs: int
) -> dict[str, Any]:
    vectors = vectorise(tokens, shared_by(len(tokens), config))
    ours = {row["k"]: row["inertia"] for row in elbow}
    numbers = [k for k in _NUMBERS if k in ours]
    seconds, ratios = [], {}
    with threadpoolctl.threadpool_limits(limits=1):
        for k in numbers:
            found = []
            for run in range(runs):
                model = KMeans(k, n_init=1, random_state=run)
                fit = partial(model.fit, vectors.matrix, sample_weight=vectors.weights)
                _, took = _timed(fit)
                found.append((float(model.inertia_), took))
            seconds.append(float(np.mean([took for _, took in found])))
            ratios[k] = round(ours[k] / min(inertia for inertia, _ in found), 4)
            print(f"K={k}: {ratios[k]} of scikit-learn's best of {runs}, {seconds[-1]:.2f} s a run")
    sweep = float(np.sum(np.interp(list(ours), numbers, seconds)))
    return {"worst": max(ratios.values()), "ratios": ratios, "sweep_s": sweep}


def _planted() -> dict[str, Any]:
    """Topics of 25 keywords: a topic's word twice, one of its own 25, one that all topics share."""
    rng = random.Random(0)
    shared = [f"shared{n}" for n in range(500)]
    tokens = [
        [f"topic{topic}"] * 2 + [f"own{topic}-{rng.randrange(25)}", rng.choice(shared)]
        for topic in range(_TOPICS)
        for _ in range(25)
    ]
    vectors = vectorise(pa.array(tokens), 1)
    truth = np.repeat(np.arange(_TOPICS), 25)
    ks, indexes, clear = [], [], []
    for seed in range(5):
        run, curve = choose_clusters(vectors, TagsConfig(seed=100 * seed))
        ks.append(curve.k)
        clear.append(curve.elbow is not None and curve.elbow.clear)
        indexes.append(round(float(adjusted_rand_score(truth, run.labels[vectors.rows])), 4))
    off = max(abs(k - _TOPICS) for k in ks) / _TOPICS
    return {
        "planted_k": ks,
        "planted_clear": clear,
        "planted_k_off": round(off, 4),
        "planted_rand_index": min(indexes),
    }


def _run(workspace: Workspace, step: Any, config: Config) -> None:
    for table, _, rows in step.run(workspace, step.settings(config)):
        _store(workspace, table, rows)


def _store(workspace: Workspace, table: str, rows: pa.Table) -> None:
    workspace.write(table, None, rows, Proof(stage="benchmark", fingerprint=""))


def _timed(run: Callable[[], T]) -> tuple[T, float]:
    start = time.process_time()
    result = run()
    return result, time.process_time() - start


if __name__ == "__main__":
    main()
