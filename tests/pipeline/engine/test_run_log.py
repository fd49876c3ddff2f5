"""The log of runs: what was done can be read again, whatever the writer died of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine import run_log
from pipeline.engine.run_log import RunLog, log_path, measured_rates, read_runs


def stage(log: RunLog, rows: int, seconds: float, **counts: int) -> None:
    log.add("stage", name="ocr", rows=rows, shards=1, seconds=seconds, counts=counts)


def test_a_run_reads_as_it_was_written(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.begin("filter", arguments=["--json"], version="1", settings="d")
    log.add("progress", name="ocr", rows=10, shards=1, rows_done=4, shards_done=0, seconds=2)
    (run,) = read_runs(tmp_path)
    assert (run.command, run.arguments, run.exit_code) == ("filter", ("--json",), None)
    assert (run.now["name"], run.now["rows_done"]) == ("ocr", 4)
    stage(log, 10, 5.0)
    log.add("end", exit_code=1, seconds=6.0, error="too hot")
    (run,) = read_runs(tmp_path)
    assert [(s.name, s.rows) for s in run.stages] == [("ocr", 10)]
    assert (run.exit_code, run.error, dict(run.now)) == (1, "too hot", {})


def test_a_torn_line_costs_itself_alone(tmp_path: Path) -> None:
    first = RunLog(tmp_path)
    first.begin("filter")
    with log_path(tmp_path).open("ab") as file:
        file.write(b'{"run": "x", "eve')  # killed here
    assert [run.command for run in read_runs(tmp_path)] == ["filter"]
    RunLog(tmp_path).begin("tags")
    assert [(run.command, run.exit_code) for run in read_runs(tmp_path)] == [
        ("filter", None),
        ("tags", None),
    ]


GOOD: dict[str, dict[str, Any]] = {
    "begin": {"at": "2026-01-01T00:00:00+00:00", "command": "tags", "pid": 1, "arguments": []},
    "stage": {"name": "ocr", "rows": 1, "shards": 1, "seconds": 1.0, "counts": {}},
    "progress": {
        **{"at": "2026-01-01T00:00:00+00:00", "name": "ocr", "rows": 1, "shards": 1},
        **{"rows_done": 0, "shards_done": 0, "seconds": 1.0},
    },
    "end": {"exit_code": 0, "seconds": 1.0, "error": ""},
}
MAY_LACK = {"arguments", "rows", "shards", "counts", "error"}
NONSENSE = (None, [1], {"a": "b"}, -1e999, "\ud800", True)


@pytest.mark.parametrize("event", GOOD)
def test_an_event_that_fits_in_nothing_is_skipped(tmp_path: Path, event: str) -> None:
    log = RunLog(tmp_path)
    log.begin("filter")
    known = json.loads(log_path(tmp_path).read_text())["run"]
    lines = [b"[" * 9_000, b"7", b"null", b"{}", b"\xff", json.dumps({"run": known}).encode()]
    good = {"run": known if event != "begin" else "other", "event": event, **GOOD[event]}
    for key in ("run", "event", *GOOD[event]):
        others = [{**good, key: value} for value in NONSENSE if (key, value) != ("pid", True)]
        others += [] if key in MAY_LACK else [{k: v for k, v in good.items() if k != key}]
        lines += [json.dumps(other).encode() for other in others]
    with log_path(tmp_path).open("ab") as file:
        file.write(b"\n".join(lines) + b"\n")
    stage(log, 100, 50.0)
    told = read_runs(tmp_path)
    assert [run.command for run in told] == ["filter"]
    assert {s.rows for s in told[0].stages} >= {100}
    assert measured_rates(told)["ocr"] >= 0
    assert list(measured_rates(told)) == ["ocr"]


def test_a_name_that_is_no_text_costs_no_event(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.begin("filter", arguments=["--config=\udcff.yaml"])
    log.add("end", exit_code=1, seconds=1.0, error="no file \udcff.yaml")
    (run,) = read_runs(tmp_path)
    assert (run.arguments, run.error) == (("--config=?.yaml",), "no file ?.yaml")


def test_nobody_else_reads_the_log(tmp_path: Path) -> None:
    path = log_path(tmp_path)
    path.parent.mkdir()
    for file in (path, path.with_name("runs.1.jsonl")):
        file.touch(0o644)  # written when it was for all
    RunLog(tmp_path).begin("filter")
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    path.unlink()
    RunLog(tmp_path).begin("filter")
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_log_is_bounded_and_its_last_runs_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log, "_LARGEST", 500)
    for number in range(30):
        RunLog(tmp_path).begin(f"command {number}")
    files = sorted(path.name for path in log_path(tmp_path).parent.iterdir())
    assert files == ["runs.1.jsonl", "runs.jsonl"]
    assert all(path.stat().st_size < 1000 for path in log_path(tmp_path).parent.iterdir())
    commands = [run.command for run in read_runs(tmp_path)]
    assert len(commands) >= 3
    assert commands[-1] == "command 29"


def test_rates_come_from_rows_that_were_made(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.begin("filter")
    stage(log, 100, 50.0)
    stage(log, 1000, 1.0, taken_over=990)  # says nothing of what a row takes
    assert measured_rates(read_runs(tmp_path)) == {"ocr": 0.5}
