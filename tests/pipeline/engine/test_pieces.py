"""An expensive shard is cut into pieces: workers share it, and a kill costs a piece at most."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import misbehaving
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.quarantine import Allowance
from pipeline.engine.runner import _tasks, pending, run
from pipeline.engine.shard import run_shard
from pipeline.engine.stage import Needs, Stage
from pipeline.engine.task import ShardReport, ShardTask, cut, spans
from pipeline.engine.workspace import Workspace
from schemas.config import Config, EngineConfig

CONFIG = Config(engine=EngineConfig(workers=2))
WHOLE = misbehaving.signals()
CUT = misbehaving.signals(seconds_per_row=0.6)
"""The same stage, said to be so expensive that five rows are a piece."""


def files(workspace: Workspace) -> dict[str, bytes]:
    return {
        str(path.relative_to(workspace.root)): path.read_bytes()
        for path in sorted(workspace.tables.rglob("*.parquet"))
    }


def pieces(workspace: Workspace) -> list[Path]:
    return sorted((workspace.root / "pieces").rglob("*.parquet"))


def twin(workspace: Workspace) -> Workspace:
    return Workspace(shutil.copytree(workspace.root, workspace.root.with_name("twin")))


@given(rows=st.integers(0, 5000), seconds=st.floats(0.005, 20), batch=st.integers(1, 64))
def test_pieces_cover_a_shard_in_whole_batches(rows: int, seconds: float, batch: int) -> None:
    stage = replace(WHOLE, needs=Needs(seconds_per_row=seconds), batch_rows=batch)
    found = spans(stage, rows)
    covered = [row for start, end in found for row in range(start, end)]
    assert covered == (list(range(rows)) if found else [])
    assert all(start % batch == 0 for start, _ in found)
    assert len(found) != 1


def test_a_quick_stage_is_left_whole() -> None:
    assert spans(replace(WHOLE, needs=Needs(seconds_per_row=0.004)), 5000) == []


def run_whole(stage: Stage, workspace: Workspace) -> ShardReport:
    return run_shard(task_of(stage, workspace))


def run_cut(stage: Stage, workspace: Workspace) -> ShardReport:
    """What the executor does with an expensive shard, in this process."""
    task = task_of(stage, workspace)
    for piece in cut(task):
        assert piece.piece is not None
        run_shard(piece)
    return run_shard(task)


def task_of(stage: Stage, workspace: Workspace) -> ShardTask:
    workspace.scratch.mkdir(exist_ok=True)
    (task,) = _tasks(stage, workspace, CONFIG, f"version {stage.version}", [0], Allowance(50, 50))
    return task


def test_a_cut_shard_has_the_bytes_of_a_whole_one(workspace_of) -> None:
    whole = workspace_of([["fine", "broken", "ok", "raise", "good", "quit"] * 3])
    pieced = twin(whole)
    assert run_cut(CUT, pieced) == run_whole(WHOLE, whole)
    assert files(pieced) == files(whole)
    assert pieces(pieced) == []


def test_only_rows_worth_it_are_measured_in_pieces_too(workspace_of, screened) -> None:
    whole = workspace_of([["a"] * 24])
    screened(whole, 0, [True, False, True] * 8)
    pieced = twin(whole)
    run_whole(misbehaving.SELECTED, whole)
    expensive = replace(misbehaving.SELECTED, needs=Needs(seconds_per_row=0.6))
    report = run_cut(expensive, pieced)
    assert files(pieced) == files(whole)
    assert (report.counts["measured"], report.counts["skipped"]) == (16, 8)
    screened(pieced, 0, [True] * 24)
    report = run_cut(expensive, pieced)
    assert (report.counts["measured"], report.counts["taken_over"]) == (8, 16)


def test_pieces_of_another_version_are_measured_again(workspace_of) -> None:
    workspace = workspace_of([["fine"] * 12])
    for piece in cut(task_of(CUT, workspace))[:2]:
        run_shard(piece)
    log = workspace.root / "measured.log"
    assert len(log.read_text().split()) == 10
    log.unlink()
    run_cut(misbehaving.signals(seconds_per_row=0.6, version=2), workspace)
    assert len(log.read_text().split()) == 12
    assert pieces(workspace) == []


def test_all_workers_share_one_shard_and_a_crash_costs_one_row(workspace_of, display) -> None:
    workspace = workspace_of([["slow"] * 9 + ["crash"] + ["slow"] * 5, ["fine"]])
    assert pending(CUT, workspace, CONFIG).seconds == pytest.approx(4.8)
    report = run(CUT, workspace, CONFIG, display)
    assert (report.counts["measured"], report.counts["quarantined"]) == (16, 1)
    assert len(set((workspace.root / "workers.log").read_text().split())) == 3, "one died"
    assert display.seen[-1] <= 16
    assert run(CUT, workspace, CONFIG, display).made == 0


PROGRAM = """
import sys
from pathlib import Path
import misbehaving
from stickerworks.cli.display import LogDisplay, make_console
from pipeline.engine.runner import run
from pipeline.engine.workspace import Workspace
from schemas.config import Config, EngineConfig

if __name__ == "__main__":
    config = Config(engine=EngineConfig(workers=2))
    stage = misbehaving.signals(seconds_per_row=0.6)
    run(stage, Workspace(Path(sys.argv[1])), config, LogDisplay(make_console()))
"""


def test_a_kill_costs_the_pieces_under_way_alone(workspace_of, tmp_path, display) -> None:
    workspace = workspace_of([["slow", "fine", "slow", "raise", "slow"] * 6])
    sound = twin(workspace)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    path = ":".join([str(Path(misbehaving.__file__).parent), *sys.path])
    running = subprocess.Popen([sys.executable, program, workspace.root], env={"PYTHONPATH": path})
    try:
        while len(pieces(workspace)) < 4:  # two pieces of two tables
            assert running.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert not workspace.path("signals", 0).exists()
    kept = 5 * (len(pieces(workspace)) // 2)
    log = workspace.root / "measured.log"
    before = Counter(log.read_text().split())
    run(CUT, workspace, CONFIG, display)
    again = Counter(log.read_text().split()) - before
    assert sum(again.values()) <= 30 - kept
    assert sum((before & again).values()) <= 2 * 5 + 1
    run_mark = workspace.proof("signals", 0).fingerprint
    run_shard(replace(task_of(WHOLE, sound), fingerprint=run_mark))
    assert files(workspace) == files(sound)
    assert pieces(workspace) == []
