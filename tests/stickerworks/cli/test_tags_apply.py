"""From clusters to a frozen tag set, from the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from annotation.human.studio.ballot import current_ballot
from annotation.human.studio.ledger import open_ledger
from pipeline.engine.storage import digest_rows
from pipeline.engine.workspace import Workspace

PEOPLES = ("naming", "named_tags", "named_keywords")


@pytest.fixture
def workspace(made: Path) -> Workspace:
    return Workspace(made)


def filled(workspace: Workspace, file: Path, **changed: dict[str, str]) -> str:
    """The sheet of the proposals as CSV: suggested names are taken, but for what is changed."""
    rows = []
    for row in workspace.read("proposals").to_pylist():
        asked = {"key": row["key"], "decision": "keep", "name": row["name"] or "?"}
        rows.append(asked | {"into": "", "version": row["version"]} | changed.get(row["key"], {}))
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(file)


def test_tags_are_named_and_what_follows_is_made(
    program: Any, workspace: Workspace, tmp_path: Path
) -> None:
    assert "NOBODY HAS NAMED THE 2 TAGS" in program("status").said
    assert "NOBODY HAS NAMED THESE TAGS: 2 clusters" in program("tags").said
    assert sorted(workspace.read("tagset")["tag"].to_pylist()) == ["happy", "sad"]
    file = filled(workspace, tmp_path / "tags.csv", c0={"name": "开心"})
    dry = program("tags", "apply", file, "--dry-run")
    assert dry.code == 0
    assert "2 rows: 2 kept, 0 merged, 0 dropped, 0 blocked, 0 added" in dry.said
    assert not any(workspace.has(table) for table in PEOPLES)
    named = program("tags", "apply", file, "--by", "a lead", "--json")
    answer = json.loads(named.out)
    assert named.code == 0
    assert answer["named"] | {"version": ""} == {
        "rows": 2, "kept": 2, "merged": 0, "dropped": 0, "blocked": 0, "added": 0, "tags": 2,
        "keywords_with_tag": len(workspace.read("named_keywords")), "keywords_without": 0,
        "number": 1, "version": "", "changed": True,
    }  # fmt: skip
    assert answer["suggested"] == 8
    assert workspace.read("tagset")["id"].to_pylist() == ["t001", "t002"]
    assert workspace.read("named_tags")["named_by"].to_pylist() == ["a lead", "a lead"]
    assert "NOBODY" not in program("status").said
    assert "2 named tags" in program("tags").said
    said = program("tags", "--set", "tags.clusters=400").said
    assert "the curve behind the clusters that people named" in said
    assert not any(advice in said for advice in ("asks for 400", "how many they want"))
    # The same again changes nothing, and nothing is left to be made.
    before = {table: digest_rows(workspace.read(table)) for table in PEOPLES}
    again = program("tags", "apply", file)
    assert "nothing changed" in again.said
    assert "Ask annotators: `stickerworks label export`." in again.said
    assert before == {table: digest_rows(workspace.read(table)) for table in PEOPLES}
    # Who exported these tags is told of names that mean another tag now.
    with open_ledger(workspace.root) as ledger:
        current_ballot(workspace, ledger, keep=False)
    swap = {"t001": {"name": "sad"}, "t002": {"name": "开心"}}
    swapped = program("tags", "apply", filled(workspace, tmp_path / "swapped.csv", **swap))
    told = " ".join(swapped.said.split())
    assert "The ballot has 2 tags that this set hasn't, or gives another meaning" in told
    assert "('sad', '开心')" in told
    assert "`stickerworks label migrate --draft FILE`" in told


def test_a_correction_says_what_it_changes_and_undoes_nobody_elses_work_unasked(
    program: Any, workspace: Workspace, tmp_path: Path
) -> None:
    file = filled(workspace, tmp_path / "tags.csv")
    other = filled(workspace, tmp_path / "other.csv", c0={"name": "开心"}, c1={"decision": "drop"})
    assert program("tags", "apply", file, "--by", "Anna").code == 0
    before = {table: digest_rows(workspace.read(table)) for table in PEOPLES}
    for more in (["--dry-run"], []):
        refused = program("tags", "apply", other, "--by", "Ben", *more)
        told = " ".join(refused.said.split())
        assert refused.code == 1
        assert "This corrects tag set 1 (by Anna, 20" in told
        assert "): 2 rows decided otherwise: t001 happy -> 开心, t002 sad -> dropped" in told
        assert "was named by 'Anna', and this file is by 'Ben'" in told
        assert "--replace" in told
    assert before == {table: digest_rows(workspace.read(table)) for table in PEOPLES}
    dry = program("tags", "apply", other, "--by", "Ben", "--replace", "--dry-run", "--json")
    assert len(json.loads(dry.out)["corrects"]["changes"]) == 2
    # Who names nobody, or is the same, replaces without being asked.
    assert program("tags", "apply", other).code == 0
    assert workspace.read("tagset")["tag"].to_pylist() == ["开心"]
    assert "corrects tag set 2 (20" in " ".join(
        program("tags", "apply", file, "--by", "Ben").said.split()
    )
    replaced = program("tags", "apply", other, "--by", "Anna", "--replace")
    assert "corrects tag set 3 (by Ben" in " ".join(replaced.said.split())
    assert "This is tag set 4 now" in replaced.said


def test_what_a_page_says_of_who_filled_it_in_counts(
    program: Any, workspace: Workspace, tmp_path: Path
) -> None:
    file = filled(workspace, tmp_path / "tags.csv")
    bare = {"english": "", "group": "", "aliases": [], "into": "", "note": ""}
    proposals = workspace.read("proposals").to_pylist()
    rows = [
        bare | {"key": row["key"], "decision": "keep", "name": row["key"] * 2} for row in proposals
    ]
    version = proposals[0]["version"]
    assert program("tags", "apply", file, "--by", "Anna").code == 0
    saved = {"stickerworks_naming": 1, "version": version, "who": "Ben", "rows": rows, "added": []}
    page = tmp_path / "page.json"
    page.write_text(json.dumps(saved), encoding="utf-8")
    assert "this file is by 'Ben'" in " ".join(program("tags", "apply", str(page)).said.split())
    assert program("tags", "apply", str(page), "--by", "anna").code == 0


def test_all_problems_are_told_and_nothing_is_changed(
    program: Any, workspace: Workspace, tmp_path: Path
) -> None:
    wrong = {"c0": {"decision": "perhaps"}, "c1": {"name": " "}}
    file = filled(workspace, tmp_path / "tags.csv", **wrong)
    refused = program("tags", "apply", file)
    assert refused.code == 1
    assert "'perhaps' is no decision. Write keep, merge, drop or block." in refused.said
    assert "a tag that is kept has no name" in refused.said
    assert "2 problems in tags.csv: nothing was changed." in refused.said
    answer = json.loads(program("tags", "apply", file, "--json").out)
    assert answer["exit_code"] == 1
    assert [set(problem) for problem in answer["problems"]] == [{"where", "what", "remedy"}] * 2
    assert not any(workspace.has(table) for table in PEOPLES)


def test_a_sheet_of_other_clusters_is_refused_with_the_remedy(
    program: Any, workspace: Workspace, tmp_path: Path
) -> None:
    other = {key: {"version": "0123456789ab"} for key in ("c0", "c1")}
    refused = program("tags", "apply", filled(workspace, tmp_path / "tags.csv", **other))
    assert refused.code == 1
    assert "of version" in refused.said
    assert "stickerworks tags sheet --from" in " ".join(refused.said.split())


def test_blocked_words_of_a_file_become_no_names(
    program: Any, workspace: Workspace, tmp_path: Path
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("happy\n", encoding="utf-8")
    file = filled(workspace, tmp_path / "tags.csv")
    refused = program("tags", "apply", file, "--set", f"tags.blocked_words={words}")
    assert refused.code == 1
    assert "'happy' says a word that is blocked" in refused.said


def test_a_file_that_is_not_there_is_told(program: Any, workspace: Workspace) -> None:
    missing = program("tags", "apply", "no-such-sheet.xlsx")
    assert missing.code == 1
    assert "no-such-sheet.xlsx" in missing.said
    assert "Traceback" not in missing.said
