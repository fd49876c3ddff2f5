"""What the runner costs: a step that does next to nothing, screening, and finding both current.

    python benchmarks/engine.py [--shards 128] [--rounds 3]

Works on synthetic tables of a thousand stickers a shard; nothing is decoded. ``overhead`` is what a
shard of a cheap step takes whatever the step does: reading ids, checking, digests, writing, proof.
The best of the rounds counts. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from synthetic import workspace as generator
from synthetic.chain import Silent
from synthetic.workspace import Collection

from pipeline.engine.runner import run
from pipeline.engine.stage import Output, Reader, Step
from pipeline.filter.stages import SCREENING
from schemas.config import Config
from schemas.tables import SCREENING as TABLE


def main() -> None:
    """Time both steps, and both again where there is nothing left to do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection(Path(folder), rows=1000 * arguments.shards)
        generator.crawl(collection)
        generator.write_signals(collection, Config())
        for _ in range(arguments.rounds):
            for name, step in (("overhead", _KEEP_ALL), ("screening", SCREENING)):
                shutil.rmtree(collection.root / "tables" / TABLE.name, ignore_errors=True)
                for what in (name, f"{name} current"):
                    best[what] = min(best.get(what, math.inf), _timed(step, collection))
    figures = {
        "shards": arguments.shards,
        "overhead_ms_per_shard": 1000 * best["overhead"] / arguments.shards,
        "current_ms_per_shard": 1000 * best["screening current"] / arguments.shards,
        "screening_rows_per_s": 1000 * arguments.shards / best["screening"],
    }
    for name, figure in figures.items():
        print(f"{name:<24} {figure:,.2f}")
    rounded = {name: round(figure, 3) for name, figure in figures.items()}
    print(json.dumps({"benchmark": "engine", "figures": rounded}))


def _timed(step: Step, collection: Collection) -> float:
    started = time.perf_counter()
    run(step, collection.workspace, Config(), Silent())
    return time.perf_counter() - started


def _keep_all(reader: Reader, settings: None) -> Iterator[Output]:
    for block in reader.blocks:
        ids = reader.read("stickers", block, ["id"])["id"]
        kept = pa.repeat(pa.scalar(True), len(ids))
        rows = pa.table([ids, kept, pa.nulls(len(ids), TABLE.schema.field("reasons").type)],
                        schema=TABLE.schema)  # fmt: skip
        yield TABLE.name, block, rows


_KEEP_ALL = Step(
    name="keep_all",
    version=1,
    reads=SCREENING.reads,
    writes=SCREENING.writes,
    settings=lambda config: None,
    run=_keep_all,
    each_block=True,
)

if __name__ == "__main__":
    main()
