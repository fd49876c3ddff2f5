"""`stickerworks filter`: it runs as ever, and explains itself without touching a table."""

from __future__ import annotations

import json
import re
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


def test_an_audit_from_the_page_to_the_result(program, made, tmp_path):
    deciding = ("--set", "filter.rules.min_side.min=65", "--set", "engine.workers=1")
    assert program("filter", *deciding).code == 0
    asked = program("filter", "audit", "min_side", "--label-studio", "--json", *deciding)
    answer = json.loads(asked.out)
    assert (asked.code, answer["audit"]["dropped"]["share"]) == (0, None)
    page = Path(answer["page"]).read_text("utf-8")
    ids = re.findall(r'class="one" data-id="([0-9a-f]{64})"', page)
    assert len(ids) == answer["audit"]["dropped"]["population"] > 4
    answers = [{"id": key, "answer": "drop", "at": "2026-01-01T00:00:00Z"} for key in ids]
    answers[0]["answer"] = "keep"
    content = {"stickerworks_audit": 1, "rule": "min_side", "drawn": "", "who": "Ann"}
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({**content, "answers": answers}), encoding="utf-8")
    told = program("filter", "audit", "min_side", "--answers", str(path), "--json")
    found = json.loads(told.out)["audit"]["dropped"]
    share = (len(ids) - 1) / len(ids)
    assert (found["share"], found["low"], found["high"]) == (share, share, share), "all were asked"
    assert f"{share:.1%} of them should be dropped" in told.said
    assert program("report").code == 0
    assert f"{len(ids)} answers about {len(ids)}" in (made / "reports" / "index.html").read_text(
        "utf-8"
    )


def test_an_audit_of_a_rule_that_nobody_knows_is_one_line(program):
    told = program("filter", "audit", "blurr")
    *_, line = told.said.splitlines()
    assert told.code == 1
    assert line.startswith("error: No rule called 'blurr' has bounds or dropped anything. Known")
    assert "Traceback" not in told.said


def test_options_of_filter_stand_before_no_command(program):
    assert program("filter", "--explain", "audit", "aspect").code == 2
