"""`label review` over a table of a million stickers: CPU seconds and memory of each search.

PYTHONPATH=. .venv/bin/python benchmarks/review.py --stickers 1000000
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.engine.storage import BLOCK_SHARDS, Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES

_SHARD = 1000
_TAGS = [f"tag{number}" for number in range(200)]
_PEOPLE = [f"person-{number}@example.org" for number in range(8)]
SEARCHES: dict[str, dict[str, Any]] = {
    "everything": {},
    "tag": {"tag": ("tag7",)},
    "disagreement": {"disagreement": 0.34},
    "text": {"text": ("cat 77",)},
    "person": {"annotator": (_PEOPLE[0],)},
    "against": {"against": (_PEOPLE[0],)},
    "several": {"tag": ("tag7",), "disagreement": 0.8, "text": ("cat",)},
    "sample": {"sample": 100},
}


def main() -> None:
    """Make the tables, search them, each in a process of its own, and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stickers", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the tables lie, or are to lie")
    parser.add_argument("--search", help="do this one, in a workspace that is there")
    arguments = parser.parse_args()
    if arguments.search:
        print(json.dumps(_search(arguments.folder, arguments.search)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        if not (folder / "tables").exists():
            _make(Workspace(folder), arguments.stickers)
        found = {}
        for name in SEARCHES:
            command = [sys.executable, __file__, "--folder", str(folder), "--search", name]
            answer = subprocess.run(
                command, capture_output=True, text=True, check=True, encoding="utf-8"
            )
            found[name] = json.loads(answer.stdout)
            print(name, found[name], file=sys.stderr)
    print(json.dumps({"stickers": arguments.stickers, "searches": found}))


def _search(folder: Path, name: str) -> dict[str, float]:
    import resource

    from annotation.human.review.search import first_found
    from annotation.human.review.wanted import Wanted

    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.process_time()
    found = first_found(Workspace(folder), Wanted(**SEARCHES[name]), 20)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "found": found.count,
        "cpu_s": round(time.process_time() - begun, 2),
        "peak_mb": round(most / 1024),
        "imports_mb": round(before.ru_maxrss / 1024),
    }


def _make(workspace: Workspace, count: int) -> None:
    rng = np.random.default_rng(0)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    shards = [
        (n, range(n * _SHARD, min(count, (n + 1) * _SHARD))) for n in range(-(-count // _SHARD))
    ]
    votes: list[pa.Table] = []
    for start in range(0, len(shards), BLOCK_SHARDS):
        labels: dict[int, pa.Table] = {}
        for part, numbers in shards[start : start + BLOCK_SHARDS]:
            ids = [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers]
            _put(workspace, "stickers", part, [{"id": id_} for id_ in ids])
            seen = [
                {"id": id_, "source": "s", "source_id": id_[:8], "query": f"cat {number % 1000}"}
                for id_, number in zip(ids, numbers, strict=True)
            ]
            _put(workspace, "observations", part, seen)
            rows, cast = _labels(ids, rng)
            labels[part] = pa.Table.from_pylist(rows, schema=TABLES["labels"].schema)
            votes.append(pa.Table.from_pylist(cast, schema=TABLES["votes"].schema))
        workspace.write_block("labels", labels, Proof("made", "made"))
    workspace.write("votes", None, pa.concat_tables(votes), Proof("made", "made"))


def _labels(ids: list[str], rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    rows, cast = [], []
    for id_ in ids:
        chosen = rng.integers(0, len(_TAGS), 3)
        people = rng.choice(len(_PEOPLE), 3, replace=False)
        given = [[_TAGS[chosen[0]], _TAGS[chosen[1 + (rng.random() < 0.3)]]] for _ in people]
        counts: dict[str, int] = {}
        for tags in given:
            for tag in set(tags):
                counts[tag] = counts.get(tag, 0) + 1
        rows.append(
            {
                "id": id_, "status": "effective", "votes": 3, "provenance": "votes",
                "tags": sorted(tag for tag, votes in counts.items() if votes > 1),
                "counts": [{"tag": tag, "votes": votes} for tag, votes in counts.items()],
            }
        )  # fmt: skip
        cast += [
            {
                "id": id_, "annotator": _PEOPLE[who], "origin": "label_studio", "simulated": False,
                "skipped": False, "tags": tags, "sequence": n, "annotation": f"{id_[:9]}/{n}",
            }
            for n, (who, tags) in enumerate(zip(people.tolist(), given, strict=True))
        ]  # fmt: skip
    return rows, cast


def _put(workspace: Workspace, name: str, part: int, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
    workspace.write(name, part, table, Proof("made", "made"))


if __name__ == "__main__":
    main()
