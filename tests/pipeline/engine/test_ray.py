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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import misbehaving
import psutil
import pytest

from pipeline.engine.cluster.connection import _initialize, connect
from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import run
from pipeline.engine.workspace import Workspace
from schemas.config import Config, EngineConfig, RayConfig

LIMITS = {"workers": 2, "row_timeout_s": 2, "memory_mb": 600}
LOCAL = Config(engine=EngineConfig(**LIMITS))
RAY = Config(engine=EngineConfig(executor="ray", **LIMITS))
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


def test_a_lost_actor_costs_the_piece_that_it_was_at(workspace_of, display):
    workspace = workspace_of([["slow", "fine", "slow", "ok", "slow"] * 6])
    sound = twin(workspace)
    killer = threading.Thread(target=kill_an_actor, args=(workspace,))
    killer.start()
    report = run(CUT, workspace, RAY, display)
    killer.join()
    assert (report.counts["measured"], report.counts["quarantined"]) == (30, 0)
    assert sum(times_measured(workspace).values()) <= 30 + 5
    run(CUT, sound, LOCAL, display)
    assert files(workspace) == files(sound)
    assert len(worker_pids(workspace)) == 3, "the one that was lost was made anew"


def kill_an_actor(workspace: Workspace) -> None:
    """Kill the actor above the first child that says that it works."""
    log = workspace.root / "measured.log"
    wait_until(lambda: log.exists() and bool(log.read_text()))
    child = psutil.Process(worker_pids(workspace)[0])
    os.kill(child.ppid(), signal.SIGKILL)
    wait_until(lambda: not child.is_running())


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
from pipeline.engine.runner import run
from pipeline.engine.workspace import Workspace
from schemas.config import Config, EngineConfig, RayConfig

config = Config(engine=EngineConfig(executor="ray", ray=RayConfig(address=sys.argv[2])))
stage = misbehaving.signals(seconds_per_row=0.6)
run(stage, Workspace(Path(sys.argv[1])), config, LogDisplay(make_console()))
"""


def test_a_killed_driver_leaves_no_worker_and_its_pieces_stay(workspace_of, ray, display):
    workspace = workspace_of([["slow", "fine", "slow", "raise", "slow"] * 6])
    sound = twin(workspace)
    address = ray.get_runtime_context().gcs_address
    driver = subprocess.Popen([sys.executable, "-c", PROGRAM, workspace.root, address])
    try:
        wait_until(lambda: driver.poll() is not None or len(pieces(workspace)) >= 4)
        assert driver.poll() is None, "it ended before it could be killed"
    finally:
        driver.kill()
        driver.wait()
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in worker_pids(workspace)))
    before = times_measured(workspace)
    assert not workspace.path("signals", 0).exists()
    kept = 5 * (len(pieces(workspace)) // 2)
    report = run(CUT, workspace, RAY, display)
    assert sum((times_measured(workspace) - before).values()) <= 30 - kept
    run(CUT, sound, LOCAL, display)
    assert report.counts["quarantined"] == 6
    assert files(workspace) == files(sound)
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
