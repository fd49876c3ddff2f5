"""The demo from stickers on a site to a release that trains."""

from __future__ import annotations

import json
import re
from collections import Counter

import pyarrow.parquet as pq
import pytest

from pipeline.demo.expected import read_expected
from pipeline.engine.workspace import Workspace

pytestmark = pytest.mark.slow


def checksums(release):
    return (release / "SHA256SUMS").read_text(encoding="utf-8")


def test_every_drawn_sticker_has_the_outcome_it_was_drawn_for(demo):
    outcomes = json.loads(demo.answer.stdout)["outcomes"]
    assert outcomes["rules"]["wrong"] == 0, outcomes["wrong"]
    assert outcomes["ocr"]["right"] >= 0.95 * sum(outcomes["ocr"].values()), outcomes["wrong"]


def test_nothing_is_lost(demo):
    answer = json.loads(demo.answer.stdout)
    decisions = answer["decisions"]
    assert decisions["kept"] + decisions["dropped"] + decisions["failed"] == decisions["read"]
    drawn = read_expected(demo.workspace / "site" / "expected.jsonl")
    assert decisions["read"] == len({row.sha256 for row in drawn if row.sha256})
    unfetched = Workspace(demo.workspace).read("unfetched")
    assert len(unfetched) == sum(row.sha256 is None for row in drawn)


def test_the_end_sums_up_what_the_tables_hold(demo):
    answer = json.loads(demo.answer.stdout)
    found, workspace = answer["summary"], Workspace(demo.workspace)
    assert found["read"] == len(workspace.read("stickers"))
    assert found["read"] == found["kept"] + found["dropped"] + found["failed"]
    assert sum(found["unfetched"].values()) == len(workspace.read("unfetched"))
    assert found["failed_by"] == {"decode": found["failed"]}
    assert "decode" not in found["dropped_by"]
    assert found["labels"]["effective"] > 200
    assert found["simulated"]
    assert found["gate"]["verdict"] == "passed"
    assert found["splits"] == answer["release"]["rows"]
    assert demo.answer.stderr.count(f"\nWorkspace {demo.workspace}\n") == 1
    end = demo.answer.stderr.rpartition("\nWorkspace ")[2]
    for said in (f"{found['kept']:,}", "Gate            passed", found["report"], "load_dataset"):
        assert said in end


def test_the_release_loads_with_the_expected_counts_and_its_gifs_move(demo):
    from datasets import load_dataset

    stickers = load_dataset(str(demo.release), cache_dir=str(demo.workspace / "cache"))
    drawn = read_expected(demo.workspace / "site" / "expected.jsonl")
    kept = {row.sha256 for row in drawn if row.expected == "kept"}
    assert {row for split in stickers.values() for row in split["id"]} == kept
    assert min(len(split) for split in stickers.values()) > 20
    moving = [row for row in stickers["train"] if row["format"] == "gif" and row["animated"]]
    assert moving
    for row in moving:
        assert row["image"].is_animated
        assert row["image"].n_frames == row["frames"]
        row["image"].seek(row["frames"] - 1)
        row["image"].load()


def test_simulated_votes_are_marked_everywhere(demo):
    workspace = Workspace(demo.workspace)
    assert set(workspace.read("votes")["simulated"].to_pylist()) == {True}
    voted = [row for row in workspace.read("labels").to_pylist() if row["votes"]]
    assert voted
    assert all(row["simulated"] for row in voted)
    assert "SIMULATED" in (demo.release / "README.md").read_text(encoding="utf-8")
    assert (
        "simulated" in (demo.workspace / "reports/index.html").read_text(encoding="utf-8").lower()
    )
    for file in demo.release.glob("data/*.parquet"):
        assert set(pq.read_table(file, columns=["simulated"])["simulated"].to_pylist()) == {True}


def test_votes_end_in_every_status(demo):
    status = Counter(Workspace(demo.workspace).read("labels")["status"].to_pylist())
    assert status["effective"] > 200
    assert {"adjudicate", "insufficient", "rejected", "dropped"} <= set(status)


def test_no_sticker_leaves_its_machine_or_secrets_in_the_release(demo):
    for file in demo.release.rglob("*"):
        if file.is_file():
            assert str(demo.workspace).encode() not in file.read_bytes(), file


def test_a_second_run_changes_nothing(demo, run):
    before = checksums(demo.release)
    for command in ("filter", "tags", "annotate", "merge", "split"):
        answer = run("--workspace", demo.workspace, command, "--json")
        assert answer.returncode == 0, answer.stderr
        assert [work["made"] for work in json.loads(answer.stdout)["work"]] == [
            0 for _ in json.loads(answer.stdout)["work"]
        ]
    assert run("--workspace", demo.workspace, "release").returncode == 0
    assert checksums(demo.release) == before


def test_another_threshold_decides_again_without_decoding(demo, run):
    strict = ["--set", "filter.rules.ocr_length.max=3"]
    planned = json.loads(
        run("--workspace", demo.workspace, *strict, "filter", "--dry-run", "--json").stdout
    )
    rows = {work["name"]: work["rows"] for work in planned["plan"]}
    assert rows["signals"] == rows["screening"] == rows["ocr"] == 0
    assert rows["decisions"] == 322


def test_a_sticker_can_be_traced(demo, run):
    sticker = Workspace(demo.workspace).read("stickers")["id"][0].as_py()
    answer = run("--workspace", demo.workspace, "trace", sticker[:12], "--json")
    tables = json.loads(answer.stdout)["tables"]
    assert tables["observations"][0]["source"] == "chinesebqb"
    assert len(tables["decisions"]) == 1
    assert len(tables["votes"]) >= 3
    assert "127.0.0.1" in run("--workspace", demo.workspace, "trace", sticker).stdout


def test_a_changed_dataset_needs_a_new_version(demo, run):
    changed = ["--set", "release.description=another"]
    answer = run("--workspace", demo.workspace, *changed, "release")
    assert answer.returncode == 1
    assert "release.version" in answer.stderr


def test_a_second_demo_at_once_leaves_the_first_its_site(demo, run):
    site = demo.workspace / "site" / "expected.jsonl"
    before = site.stat().st_mtime_ns
    with Workspace(demo.workspace).lock("demo"):
        answer = run("demo", "--workspace", demo.workspace)
    assert answer.returncode == 1
    assert "in use by `stickerworks demo`" in answer.stderr
    assert site.stat().st_mtime_ns == before


def test_what_is_out_of_date_is_made_again_before_a_release(demo, run):
    answer = run("--workspace", demo.workspace, "release", "--set", "merge.agree=3", "--dry-run")
    assert answer.returncode == 0, answer.stderr
    assert re.search(r"labels +would run over", answer.stderr)
    assert re.search(r"signals +up to date", answer.stderr)
