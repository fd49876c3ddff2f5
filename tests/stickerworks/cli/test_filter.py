"""`stickerworks filter`: it runs as ever, and explains itself without touching a table."""

from __future__ import annotations

import json
from pathlib import Path

from stickerworks.cli.main import _run


def files(workspace: Path) -> dict[str, int]:
    tables = sorted((workspace / "tables").rglob("*.parquet"))
    return {str(path): path.stat().st_mtime_ns for path in tables}


def test_without_a_command_it_measures_and_decides(program):
    again = program("filter")
    assert (again.code, "up to date" in again.said) == (0, True)


def test_explaining_changes_no_table_and_says_what_other_bounds_lose(program, made):
    before = files(made)
    asked = ("--set", "filter.rules.min_side.min=65", "--json")
    told = program("filter", "--explain", *asked)
    assert (told.code, files(made)) == (0, before)
    explanation = json.loads(told.out)["explanation"]
    kept = explanation["kept_as_decided"]
    assert kept > 0
    assert (explanation["kept"], explanation["lost"], explanation["saved"]) == (0, kept, 0)
    (rule,) = (one for one in explanation["rules"] if one["name"] == "min_side")
    assert rule["bounds"] == {"min": 65.0, "max": None}
    assert rule["dropped"] == explanation["stickers"]
    assert f"would save 0 and lose {kept}" in told.said
    assert (made / "reports" / "filter-explain.png").read_bytes().startswith(b"\x89PNG")


def test_an_explanation_without_tables_is_one_line(tmp_path, capfd):
    code = _run(["filter", "--explain", "--workspace", str(tmp_path / "none")])
    said = capfd.readouterr().err.strip()
    assert (code, said.count("\n")) == (1, 0)
    assert said.endswith("Run `stickerworks filter` first.")
    assert not (tmp_path / "none").exists()
