"""The executor on Ray: the bytes of the local one, whatever dies."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import misbehaving
import pytest

from pipeline.engine.cluster.connection import connect
from pipeline.engine.runner import run
from pipeline.engine.workspace import Workspace
from schemas.config import Config, EngineConfig

LIMITS = {"workers": 2, "row_timeout_s": 2, "memory_mb": 600}
LOCAL = Config(engine=EngineConfig(**LIMITS))
RAY = Config(engine=EngineConfig(executor="ray", **LIMITS))


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[Any]:
    """Ray on this machine, whose workers find what the tests bring."""
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        ray = connect(RAY.engine)
        yield ray
        ray.shutdown()
    finally:
        os.environ.clear()
        os.environ.update(before)


def files(workspace: Workspace) -> dict[str, bytes]:
    return {
        str(path.relative_to(workspace.root)): path.read_bytes()
        for path in sorted(workspace.tables.rglob("*.parquet"))
    }


def twin(workspace: Workspace) -> Workspace:
    return Workspace(shutil.copytree(workspace.root, workspace.root.with_name("twin")))


def times_measured(workspace: Workspace) -> Counter[str]:
    ids = (workspace.root / "measured.log").read_text().split()
    kinds = workspace.read("stickers")
    names = dict(zip(kinds["id"].to_pylist(), kinds["extension"].to_pylist(), strict=True))
    return Counter(names[i] for i in ids)


def test_poison_rows_cost_themselves_alone_and_leave_the_bytes_of_local(workspace_of, display):
    poison = {3: "crash", 7: "hang", 11: "eat", 13: "raise"}
    shards = [[f"a{n}", poison.get(n, f"b{n}"), f"c{n}"] for n in range(20)]
    clustered = workspace_of(shards)
    local = twin(clustered)
    report = run(misbehaving.signals(), clustered, RAY, display)
    expected = run(misbehaving.signals(), local, LOCAL, display)
    assert report.counts == expected.counts
    assert (report.made, report.counts["quarantined"]) == (20, 4)
    assert files(clustered) == files(local)
    again = {name: n for name, n in times_measured(clustered).items() if n > 1}
    assert set(again) <= {"crash", "hang", "eat", "a3", "a7", "a11"}
    assert run(misbehaving.signals(), clustered, RAY, display).made == 0
