"""What commands leave in the log of runs, and when they stop for the disk's sake."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.disk import DiskWatch
from pipeline.engine.errors import StickerworksError
from pipeline.engine.run_log import RunLog, log_path, read_runs
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from stickerworks.cli.display import make_console
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.recording import WatchedDisplay, logged, scrubbed_arguments
from stickerworks.cli.session import Session

BOUND = ("--set", "filter.rules.aspect.max=1.6")


def test_a_command_is_logged_from_its_begin_to_its_end(program: Any, made: Path) -> None:
    program("update", *BOUND)
    run = read_runs(made)[-1]
    assert (run.command, run.exit_code, run.error) == ("update", 0, "")
    assert "--set filter.rules.aspect.max=1.6" in run.arguments
    assert [(stage.name, stage.rows) for stage in run.stages] == [
        ("screening", 8),
        ("decisions", 8),
    ]
    assert {stage.executor for stage in run.stages} == {"main process"}


def test_a_failure_is_logged_with_its_line(program: Any, made: Path) -> None:
    answer = program("update", *BOUND, "--set", "engine.min_free_mb=1000000000")
    assert answer.code == 1
    run = read_runs(made)[-1]
    assert run.exit_code == 1
    assert run.error.startswith("The disk of")
    assert run.error in answer.said
    assert not run.stages


def test_what_only_looks_leaves_no_trace(program: Any, made: Path) -> None:
    before = log_path(made).read_bytes()
    program("status")
    program("update", "--dry-run", *BOUND)
    assert log_path(made).read_bytes() == before


def test_secrets_are_not_logged() -> None:
    given = (
        "annotate.options={url: u, key: hunter2}",
        "label.token=hunter2",
        "crawl.contact=a@b",
        "annotate={captioner: openai, options: {extra: hunter2}}",
        "crawl.sources=[{source: telegram, options: {token: 'hunter2'}}]",
        "annotate.headers={Authorization: Bearer hunter2}",
        "release.licence=see https://api.telegram.org/bot12345678:hunter2_hunter2_hunter2/x",
    )
    said = scrubbed_arguments(CommandOptions(overrides=given, dry_run=True))
    assert "hunter2" not in " ".join(said)
    assert said == [
        "--set annotate.options=***",
        "--set label.token=***",
        "--set crawl.contact=a@b",
        "--set annotate=***",
        "--set crawl.sources=***",
        "--set annotate.headers=***",
        "--set release.licence=see https://api.telegram.org/bot***/x",
        "--dry-run",
    ]


def test_nor_are_those_in_what_work_says_and_ends_with(tmp_path: Path) -> None:
    session = Session(Config(), Workspace(tmp_path), CommandOptions(), make_console())
    lines = (
        "GET https://api.telegram.org/bot12345678:hunter2_hunter2_hunter2/getMe: 401",
        "sent Authorization: Bearer hunter2.hunter2 to a server",
    )

    def fail() -> None:
        with logged(session.log, "crawl", Config(), CommandOptions(), lambda: 0):
            session.tell(lines[0])
            raise StickerworksError(*lines)

    with pytest.raises(StickerworksError):
        fail()
    written = log_path(tmp_path).read_text()
    assert "hunter2" not in written
    assert written.count("bot***/getMe") == 2
    assert "Authorization: *** to a server" in written


class _Unseen:
    def start(self, name: str, rows: int, shards: int) -> None: ...

    def progress(self, rows_done: int, shards_done: int) -> None: ...

    def stop(self) -> None: ...


def test_a_stage_under_way_is_logged_and_stopped_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = RunLog(tmp_path)
    log.begin("filter")
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    disk = DiskWatch(tmp_path, 1, clock=lambda: now[0])
    display = WatchedDisplay(_Unseen(), log, disk, lambda: 0)
    display.start("ocr", 100, 4)
    for second in range(17):
        now[0] = float(second)
        display.progress(second, 1)
    assert read_runs(tmp_path)[-1].now.items() >= {"rows_done": 15, "shards_done": 1}.items()
    found = os.statvfs(tmp_path)
    disk.min_free_mb = 2 * found.f_blocks * found.f_frsize // 2**20
    now[0] = 30.0
    with pytest.raises(StickerworksError, match="nearly full"):
        display.progress(50, 2)
