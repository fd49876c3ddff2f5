"""What a worker holds counts with what its children hold."""

from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace

from pipeline.engine.task import Heartbeat
from pipeline.engine.watching import Watch
from schemas.config import EngineConfig

WORKER = """
import subprocess, sys
command = [sys.executable, "-c", "x = bytearray(b'x' * (200 << 20)); print(1, flush=True); input()"]
subprocess.run(command)
"""


def test_a_worker_whose_child_eats_memory_is_killed(tmp_path):
    task = SimpleNamespace(marker=tmp_path / "marker", rows=9)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", WORKER], **pipes) as worker:
        worker.stdout.readline()
        Heartbeat(worker.pid, time.monotonic(), ("a",), 0).write(task.marker)
        Watch(EngineConfig(memory_mb=400)).rows_done([task])
        assert worker.poll() is None
        watch = Watch(EngineConfig(memory_mb=150))
        watch.rows_done([task])
        code = worker.wait(timeout=10 if watch._killed else 0)
    death = watch.death(task, code)
    assert (death.reason, death.batch) == ("memory: held more than 150 MB", ("a",))
