"""A stage in the main process: opened once, closed whatever happens, and no row lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import misbehaving
import pyarrow as pa
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.main_process import run_in_main_process
from pipeline.engine.quarantine import Allowance
from pipeline.engine.runner import run
from pipeline.engine.stage import Context, Process, Stage, Tables
from pipeline.engine.workspace import Workspace
from schemas.config import Config, EngineConfig

CONFIG = Config(engine=EngineConfig(workers=1, quarantine_floor=5))


@dataclass
class Watched:
    """A misbehaving stage that runs here, and what became of it."""

    stage: Stage
    batch_rows: int = 1
    opened: int = 0
    ended: int = 0
    batches: list[int] = field(default_factory=list)
    raises: Exception | None = None

    def build(self) -> Stage:
        return replace(
            self.stage,
            open=self._open,
            in_main_process=lambda config: True,
            batch_rows=self.batch_rows,
        )

    def _open(self, context: Context) -> Process:
        self.opened += 1
        process = self.stage.open(context)
        context.at_end(self._end)

        def watched(tables: Tables) -> dict[str, pa.Table]:
            rows = tables["stickers"].num_rows
            if self.raises is not None:
                raise self.raises
            self.batches.append(rows)
            written = process(tables)
            for done in range(1, rows + 1):
                context.advance(done)
            return written

        return watched

    def _end(self) -> None:
        self.ended += 1


@pytest.fixture
def watched() -> Watched:
    return Watched(misbehaving.signals())


def test_the_stage_is_opened_once_for_all_shards_and_ended_once(workspace_of, display, watched):
    workspace = workspace_of([["fine", "ok"], ["good"], ["fine"]])
    report = run(watched.build(), workspace, CONFIG, display)
    assert (report.made, report.counts["measured"]) == (3, 4)
    assert (watched.opened, watched.ended) == (1, 1)
    run(watched.build(), workspace, CONFIG, display)
    assert (watched.opened, watched.ended) == (1, 1)


@pytest.mark.parametrize("batch_rows", [1, 3])
def test_tables_equal_those_of_worker_processes(workspace_of, display, tmp_path, batch_rows):
    kinds = [["fine", "raise", "ok"], ["broken", "good"], ["quit", "fine"]]
    here = workspace_of(kinds)
    run(Watched(misbehaving.signals(), batch_rows).build(), here, CONFIG, display)
    tables = {name: here.read(name) for name in ("signals", "frames")}
    counts = [here.proof("signals", part).counts for part in here.parts]
    for name in tables:
        for part in here.parts:
            here.path(name, part).unlink()
    run(misbehaving.signals(batch_rows), here, CONFIG, display)
    assert {name: here.read(name) for name in tables} == tables
    assert [here.proof("signals", part).counts for part in here.parts] == counts


def test_a_row_that_raises_is_quarantined_alone(workspace_of, display):
    workspace = workspace_of([["fine", "raise", "ok", "good"]])
    watched = Watched(misbehaving.signals(), batch_rows=4)
    report = run(watched.build(), workspace, CONFIG, display)
    assert report.counts["quarantined"] == 1
    errors = workspace.read("signals")["error"].to_pylist()
    assert errors == [None, "quarantined: raised ValueError: a broken row", None, None]
    assert watched.batches == [4, 1, 1, 1, 1]


def test_too_many_rows_that_raise_stop_the_run(workspace_of, display, watched):
    workspace = workspace_of([["fine"], ["raise"] * 9, ["ok"]])
    with pytest.raises(StickerworksError, match="more than 5 rows"):
        run(watched.build(), workspace, CONFIG, display)
    # What was done stays done, and the rest isn't begun.
    assert workspace.proof("signals", 0) is not None
    assert workspace.proof("signals", 1) is None
    assert workspace.proof("signals", 2) is None
    assert watched.ended == 1


def test_an_error_for_people_stops_the_run_and_ends_the_stage(workspace_of, display):
    workspace = workspace_of([["fine", "ok"], ["good"]])
    watched = Watched(misbehaving.signals(), raises=StickerworksError("The server is gone."))
    with pytest.raises(StickerworksError, match="The server is gone"):
        run(watched.build(), workspace, CONFIG, display)
    assert (watched.opened, watched.ended) == (1, 1)
    assert workspace.proof("signals", 0) is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit()])
def test_the_stage_is_ended_when_the_run_is_interrupted(workspace_of, display, watched, error):
    workspace = workspace_of([["fine"]])
    watched.raises = error
    with pytest.raises(type(error)):
        run(watched.build(), workspace, CONFIG, display)
    assert watched.ended == 1


def test_what_a_stage_left_to_be_ended_is_ended_when_it_can_t_be_opened(workspace_of, display):
    workspace = workspace_of([["fine"]])
    ended = []

    def opens_half(context: Context) -> Process:
        context.at_end(lambda: ended.append(1))
        raise StickerworksError("No such model.")

    stage = replace(misbehaving.signals(), open=opens_half, in_main_process=lambda config: True)
    with pytest.raises(StickerworksError, match="No such model"):
        run(stage, workspace, CONFIG, display)
    assert ended == [1]


def test_a_run_that_nobody_reads_to_its_end_is_ended(workspace_of, watched, tasks_of):
    workspace = workspace_of([["fine"], ["ok"]])
    reports = run_in_main_process(tasks_of(watched.build(), workspace), lambda rows: None)
    assert next(reports).part == 0
    assert watched.ended == 0
    reports.close()
    assert watched.ended == 1


def test_progress_reaches_the_total(workspace_of, display, watched):
    workspace = workspace_of([["fine", "ok", "raise"], ["good"], ["fine", "ok"]])
    run(watched.build(), workspace, CONFIG, display)
    assert display.seen[-1] == 6
    assert max(display.seen) == 6


def test_progress_tells_of_rows_within_a_batch(workspace_of, display):
    workspace = workspace_of([["fine", "ok", "good"], ["fine", "ok"]])
    run(Watched(misbehaving.signals(), batch_rows=10).build(), workspace, CONFIG, display)
    assert display.seen == [1, 2, 3, 3, 4, 5, 5]


def test_no_marker_is_left_behind(workspace_of, display, watched):
    workspace = workspace_of([["fine"], ["ok"]])
    run(watched.build(), workspace, CONFIG, display)
    assert not list(workspace.scratch.glob("*.json"))


Tasks = Callable[[Stage, Workspace], Sequence[object]]


@pytest.fixture
def tasks_of(tmp_path: Path) -> Tasks:
    """The tasks that the runner would give for all shards of a workspace."""
    from pipeline.engine.runner import _tasks

    def build(stage: Stage, workspace: Workspace) -> Sequence[object]:
        workspace.scratch.mkdir(parents=True, exist_ok=True)
        allowance = Allowance(5, 5)
        return _tasks(stage, workspace, CONFIG, "mark", workspace.parts, allowance)

    return build
