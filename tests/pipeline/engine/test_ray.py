"""The executor on Ray: the bytes of the local one, whatever dies."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import misbehaving
import psutil
import pytest

from pipeline.engine.cluster.connection import _initialize, connect
from pipeline.engine.cluster.slots import _size, run_on_ray
from pipeline.engine.errors import StickerworksError
from pipeline.engine.quarantine import Allowance
from pipeline.engine.runner import _tasks, run
from pipeline.engine.shard import run_shard
from pipeline.engine.stage import Needs
from pipeline.engine.storage import Proof
from pipeline.engine.store.location import open_address
from pipeline.engine.workspace import Workspace
from schemas.config import Config, EngineConfig, RayConfig
from schemas.storage import StorageConfig

RAY = Config(engine=EngineConfig(executor="ray", workers=2, row_timeout_s=5, memory_mb=600))
WHOLE = misbehaving.signals()
CUT = misbehaving.signals(seconds_per_row=0.6)
"""So expensive, as it says, that five rows are a piece."""


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


def times_measured(workspace: Workspace) -> Counter[str]:
    ids = (workspace.root / "measured.log").read_text().split()
    kinds = workspace.read("stickers")
    names = dict(zip(kinds["id"].to_pylist(), kinds["extension"].to_pylist(), strict=True))
    return Counter(names[i] for i in ids)


def test_poison_rows_cost_themselves_alone(workspace_of, display):
    poison = {1: "crash", 4: "hang", 6: "eat", 8: "raise"}
    shards = [[f"a{n}", poison.get(n, f"b{n}"), f"c{n}"] for n in range(10)]
    workspace = workspace_of(shards)
    report = run(WHOLE, workspace, RAY, display)
    assert (report.made, report.counts["read"], report.counts["quarantined"]) == (10, 30, 4)
    again = {name for name, times in times_measured(workspace).items() if times > 1}
    assert {"crash", "hang", "eat"} <= again <= {"crash", "hang", "eat", "a1", "a4", "a6"}
    reasons = {
        1: "crashed: signal 11 (SIGSEGV)",
        4: "timeout: took more than 5 s",
        6: "memory: held more than 600 MB",
    }
    assert files(workspace) == files(made_here(workspace, reasons))
    assert run(WHOLE, workspace, RAY, display).made == 0


def made_here(workspace: Workspace, reasons: Mapping[int, str] = MappingProxyType({})) -> Workspace:
    """The same stickers' tables, made in this process; ``reasons`` say why the middle row of a
    shard isn't."""
    root = workspace.root.with_name("here")
    here = Workspace(shutil.copytree(workspace.root, root))
    expected = workspace.proof("signals", 0).fingerprint
    for task in _tasks(WHOLE, here, RAY, expected, here.parts, Allowance(50, 50)):
        for name in WHOLE.writes:
            here.path(name, task.part).unlink()
        row = here.read("stickers", task.part)["id"][1].as_py()
        given_up = {row: reasons[task.part]} if task.part in reasons else {}
        run_shard(replace(task, quarantined=given_up))
    return here


def test_a_lost_actor_costs_the_piece_that_it_was_at(workspace_of, display):
    workspace = workspace_of([["slow", "fine", "slow", "ok", "slow"] * 6])
    killer = threading.Thread(target=kill_an_actor, args=(workspace,))
    killer.start()
    report = run(CUT, workspace, RAY, display)
    killer.join()
    assert (report.counts["measured"], report.counts["quarantined"]) == (30, 0)
    assert sum(times_measured(workspace).values()) <= 30 + 5
    assert files(workspace) == files(made_here(workspace))
    assert len(worker_pids(workspace)) == 3, "the one that was lost was made anew"


def kill_an_actor(workspace: Workspace) -> None:
    """Kill the actor above the first child that says that it works."""
    log = workspace.root / "measured.log"
    wait_until(lambda: log.exists() and bool(log.read_text()))
    child = psutil.Process(worker_pids(workspace)[0])
    os.kill(child.ppid(), signal.SIGKILL)
    wait_until(lambda: not lives(child.pid))


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def worker_pids(workspace: Workspace) -> list[int]:
    log = workspace.root / "workers.log"
    return [int(pid) for pid in log.read_text().split()] if log.exists() else []


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


PROGRAM = """
import sys
from pathlib import Path
import misbehaving
from stickerworks.cli.display import LogDisplay, make_console
from pipeline.engine.quarantine import Allowance
from pipeline.engine.runner import _tasks, run
from pipeline.engine.shard import run_shard
from pipeline.engine.stage import Needs
from pipeline.engine.store.location import open_address
from pipeline.engine.workspace import Workspace
from schemas.config import Config, EngineConfig, RayConfig
from schemas.storage import StorageConfig

config = Config(engine=EngineConfig(executor="ray", ray=RayConfig(address=sys.argv[2])))
stage = misbehaving.signals(seconds_per_row=0.6)
run(stage, Workspace(Path(sys.argv[1])), config, LogDisplay(make_console()))
"""


def test_nodes_work_in_a_bucket(
    workspace_of, ray, display, object_store: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    local = workspace_of([["fine", "ok"], ["good"]])
    settings = StorageConfig(endpoint=object_store, allow_http=True, folder=str(tmp_path))
    bucket = Workspace(open_address("s3://stickers/ray", settings))
    for table in ("media", "stickers"):
        for part in local.parts:
            bucket.write(table, part, local.read(table, part), Proof("test", "test"))
    run(WHOLE, local, Config(engine=EngineConfig(workers=1)), display)
    with bucket.lock("filter"):
        run(WHOLE, bucket, RAY, display)
    there = {name: bucket.store.read(name) for name in bucket.store.list("tables")}
    assert there == files(local)


def test_a_killed_driver_leaves_no_worker_and_its_pieces_stay(workspace_of, ray, display):
    workspace = workspace_of([["slow", "fine", "slow", "raise", "slow"] * 6])
    address = ray.get_runtime_context().gcs_address
    driver = subprocess.Popen([sys.executable, "-c", PROGRAM, workspace.root, address])
    try:
        wait_until(lambda: driver.poll() is not None or len(pieces(workspace)) >= 4)
        assert driver.poll() is None, "it ended before it could be killed"
    finally:
        driver.kill()
        driver.wait()
    wait_until(lambda: not any(lives(pid) for pid in worker_pids(workspace)))
    before = times_measured(workspace)
    assert not workspace.path("signals", 0).exists()
    kept = 5 * (len(pieces(workspace)) // 2)
    report = run(CUT, workspace, RAY, display)
    assert sum((times_measured(workspace) - before).values()) <= 30 - kept
    assert report.counts["quarantined"] == 6
    assert files(workspace) == files(made_here(workspace))
    assert pieces(workspace) == []


def pieces(workspace: Workspace) -> list[Path]:
    return sorted((workspace.root / "pieces").rglob("*.parquet"))


def test_a_cluster_out_of_reach_is_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        engine = EngineConfig(executor="ray", ray=RayConfig(address=address))
        with pytest.raises(StickerworksError, match=f"No Ray cluster at {address}.*refused"):
            _initialize(None, engine, address)


def test_a_node_that_lacks_a_plugin_is_named(workspace_of, ray, stranger, display):
    stranger("measures", "MEASURE = None", {"odd": "MEASURE"})
    with pytest.raises(StickerworksError, match=r"The node \S+ lacks strange\."):
        run(WHOLE, workspace_of([["fine"]]), joined(ray), display)


def joined(ray: Any) -> Config:
    """The configuration of whoever joins the cluster that runs."""
    address = ray.get_runtime_context().gcs_address
    return Config(engine=EngineConfig(executor="ray", ray=RayConfig(address=address)))


def test_a_node_that_does_not_see_the_workspace_is_named(workspace_of, tmp_path):
    workspace = workspace_of([["fine"]])
    tasks = _tasks(WHOLE, workspace, RAY, "expected", [0], Allowance(50, 50))
    elsewhere = replace(tasks[0], context=replace(tasks[0].context, root=tmp_path / "elsewhere"))
    with pytest.raises(StickerworksError, match=r"node \S+ doesn't see the workspace.*elsewhere"):
        list(run_on_ray([elsewhere], RAY.engine, lambda rows: None))


def test_a_stage_too_large_for_every_node_says_what_it_needs(workspace_of, display):
    huge = replace(WHOLE, needs=replace(WHOLE.needs, cpus=64))
    with pytest.raises(StickerworksError, match="has room for a worker of signals: 64 cores"):
        run(huge, workspace_of([["fine"]]), RAY, display)


def test_a_node_without_the_key_of_a_bucket_says_so(workspace_of, tmp_path, monkeypatch):
    workspace = workspace_of([["fine"]])
    tasks = _tasks(WHOLE, workspace, RAY, "expected", [0], Allowance(50, 50))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    settings = StorageConfig(endpoint="http://127.0.0.1:9", allow_http=True)
    root = open_address("s3://stickers/ray", settings)
    elsewhere = replace(tasks[0], context=replace(tasks[0].context, root=root))
    with pytest.raises(StickerworksError, match=r"The node \S+ says: .*credentials"):
        list(run_on_ray([elsewhere], RAY.engine, lambda rows: None))


@pytest.mark.parametrize(
    ("stage", "asked", "there", "taken"),
    [(1, None, 8, 1), (1, 0.25, 8, 0.25), (1, None, 0, 0), (1, 0, 8, 0), (0, 0.25, 8, 0)],
)
def test_a_share_of_a_gpu_is_for_stages_with_a_model(stage, asked, there, taken):
    cluster = SimpleNamespace(cluster_resources=lambda: {"CPU": 64.0, "GPU": float(there)})
    size = _size(cluster, Needs(gpus=stage), RayConfig(gpus_per_worker=asked))
    assert size == {"num_cpus": 1, "num_gpus": taken, "memory": 1 << 30}
