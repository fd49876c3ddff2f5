"""Status: every table, what is out of date, who works there, what comes next."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from schemas.tables import TABLES


def status(program: Any, *arguments: str) -> dict[str, Any]:
    answer = program("status", "--json", *arguments)
    assert answer.code == 0
    found: dict[str, Any] = json.loads(answer.out)["status"]
    return found


def test_a_finished_workspace_says_what_nobody_ran(program: Any) -> None:
    found = status(program)
    tables = {table["name"]: table for table in found["tables"]}
    assert tables.keys() == TABLES.keys()
    signals = tables["signals"]
    shards = {"shards": 2, "done": 2, "missing": 0, "stale": 0}
    assert signals.items() >= (shards | {"rows": 8, "command": "filter"}).items()
    assert signals["nbytes"] > 1000
    assert found["next"]["command"] == "annotate"
    assert [run["exit_code"] for run in found["runs"]] == [0] * 5
    assert found["running"] is None


def test_lines_fit_a_terminal(program: Any) -> None:
    said = program("status").said.splitlines()
    lines = [line for line in said if "/workspace" not in line]  # its path may be long
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("  expensive_measures ") for line in lines)


def test_a_threshold_makes_decisions_stale_and_shards_go_missing(program: Any, made: Path) -> None:
    (made / "tables/ocr/part-00001.parquet").unlink()
    found = status(program, "--set", "filter.rules.aspect.max=1.7")
    tables = {table["name"]: table for table in found["tables"]}
    assert (tables["ocr"]["missing"], tables["ocr"]["stale"]) == (1, 0)
    assert tables["decisions"]["stale"] == 2
    assert tables["signals"]["stale"] == 0
    assert found["next"]["command"] == "update"
    assert [work["name"] for work in found["next"]["work"]][:2] == ["screening", "ocr"]
    assert "splits" in found["next"]["follows"]


def test_it_names_who_holds_the_workspace_and_takes_no_lock(program: Any, made: Path) -> None:
    lock = made / ".lock"
    lock.write_text(json.dumps({"command": "filter", "pid": os.getppid()}))
    before = lock.stat()
    holder = {"command": "filter", "pid": os.getppid(), "host": None}
    assert status(program)["running"] == holder
    assert lock.stat().st_mtime_ns == before.st_mtime_ns
    lock.write_text(json.dumps({"command": "filter", "pid": 2**22 + 1}))
    assert status(program)["running"] is None


def test_a_clock_that_was_set_back_is_no_error(program: Any, made: Path) -> None:
    ahead = time.time() + 90_000
    for path in made.rglob("*"):
        os.utime(path, (ahead, ahead))
    answer = program("status")
    assert answer.code == 0
    assert " ahead" in answer.said
    assert program("update").said.strip().endswith("Everything that was made is up to date.")
