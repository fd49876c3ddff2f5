"""What the runner costs: rows screened a second, an up-to-date check, a threshold changed.

    python benchmarks/engine.py [--shards 100] [--rows 1000]

Works on tables made here; nothing is decoded. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.engine.runner import run
from pipeline.engine.storage import Proof, write_table
from pipeline.engine.workspace import Workspace
from pipeline.filter.stages import SCREENING
from schemas.config import Config, FilterConfig, RuleConfig
from schemas.tables import SIGNALS, STICKERS


class _Silent:
    def start(self, name: str, rows: int, shards: int) -> None: ...

    def progress(self, rows_done: int, shards_done: int) -> None: ...

    def stop(self) -> None: ...


def main() -> None:
    """Time screening, an up-to-date check and screening with another threshold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=100)
    parser.add_argument("--rows", type=int, default=1000)
    arguments = parser.parse_args()
    rows = arguments.shards * arguments.rows
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        _fill(workspace, arguments.shards, arguments.rows)
        config = Config()
        stricter = Config(filter=FilterConfig(rules={"aspect": RuleConfig(max=2)}))
        first, current, again = (_timed(workspace, c) for c in (config, config, stricter))
    figures = {
        "rows": rows,
        "shards": arguments.shards,
        "screening_rows_per_s": rows / first,
        "up_to_date_ms_per_shard": 1000 * current / arguments.shards,
        "rescreening_rows_per_s": rows / again,
    }
    for name, figure in figures.items():
        print(f"{name:<26} {figure:,.1f}")
    print(json.dumps({"benchmark": "engine", "figures": figures}))


def _timed(workspace: Workspace, config: Config) -> float:
    started = time.perf_counter()
    run(SCREENING, workspace, config, _Silent())
    return time.perf_counter() - started


def _fill(workspace: Workspace, shards: int, rows: int) -> None:
    random = np.random.default_rng(0)
    for part in range(shards):
        ids = [hashlib.sha256(f"{part}/{n}".encode()).hexdigest() for n in range(rows)]
        known = {
            "id": ids,
            "min_side": random.integers(20, 400, rows),
            "aspect": 1 + random.exponential(0.3, rows),
            "entropy": random.uniform(0, 8, rows),
        }
        for table, columns in ((STICKERS, {"id": ids}), (SIGNALS, known)):
            arrays = [
                pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(rows, f.type)
                for f in table.schema
            ]
            made = pa.table(arrays, schema=table.schema)
            write_table(workspace.path(table.name, part), made, Proof("benchmark", ""))


if __name__ == "__main__":
    main()
