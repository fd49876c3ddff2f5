"""`label review` and `label texts` as people type them, on a small workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from table_rows import put

from pipeline.engine.workspace import Workspace

Program = Callable[..., Any]


@pytest.fixture
def kept(made: Path) -> list[str]:
    """Kept stickers, and a tag set to choose from."""
    workspace = Workspace(made)
    put(workspace, "ballot", [{"version": "1", "tag": tag} for tag in ("happy", "sad")])
    rows = workspace.read("decisions", columns=["id", "kept"])
    return sorted(rows.filter(rows["kept"])["id"].to_pylist())


def tags_of(made: Path, id_: str) -> tuple[list[str], str]:
    rows = Workspace(made).read("labels", columns=["id", "tags", "provenance"]).to_pylist()
    (row,) = [row for row in rows if row["id"] == id_]
    return row["tags"], row["provenance"]


def test_a_change_is_found_again_and_taken_back(
    program: Program, made: Path, kept: list[str]
) -> None:
    one = kept[0]
    said = ("--by", "lea", "--why", "it laughs")
    changing = program("label", "review", "--id", one, "--change", "tags=Happy", *said)
    assert (changing.code, "1 change made" in changing.said) == (0, True)
    assert tags_of(made, one) == (["happy"], "review")
    found = json.loads(program("label", "review", "--provenance", "review", "--json").out)
    assert [row["id"] for row in found["stickers"]] == [one]
    assert "it laughs" in program("label", "review", "--history", one[:12]).said
    assert "it laughs" in program("trace", one[:12]).out
    assert program("merge").code == 0
    assert tags_of(made, one) == (["happy"], "review")
    assert program("label", "review", "--undo", "1", "--by", "lea", "--why", "no").code == 0
    assert tags_of(made, one)[1] is None


def test_slips_change_nothing(program: Program, made: Path, kept: list[str]) -> None:
    changing = ("label", "review", "--id", kept[0], "--by", "lea", "--why", "w", "--change")
    answer = program(*changing, "tags=happ")
    assert (answer.code, "Near it: happy" in answer.said) == (1, True)
    assert program("label", "review", "--id", kept[0], "--change", "tags=sad").code == 1
    twice = program(*changing, "tags=happy", "--change", "tags=sad")
    assert (twice.code, "tags twice" in twice.said) == (2, True)
    several = program("label", "review", "--change", "tags=sad", "--by", "lea", "--why", "w")
    assert (several.code, "--all-found" in several.said) == (1, True)
    unasked = program(
        "label", "review", "--change", "tags=sad", "--by", "lea", "--why", "w", "--all-found"
    )
    assert (unasked.code, "--yes" in unasked.said) == (1, True)
    assert not Workspace(made).has("corrections")


def test_all_that_is_found_is_changed_when_that_is_meant(
    program: Program, made: Path, kept: list[str]
) -> None:
    answer = program(
        "label",
        "review",
        "--change",
        "tags=sad",
        "--by",
        "lea",
        "--why",
        "w",
        "--all-found",
        "--yes",
    )
    assert answer.code == 0
    assert {tuple(tags_of(made, one)[0]) for one in kept} == {("sad",)}


def test_a_file_of_the_page_is_taken_in_once_and_stale_rows_are_told(
    program: Program, made: Path, kept: list[str], tmp_path: Path
) -> None:
    from annotation.human.studio.ledger import open_ledger

    assert program("label", "review", "--page").code == 0
    assert (made / "reports" / "review.html").exists()
    with open_ledger(made) as ledger:
        identity = ledger.identity
    same = {"field": "tags", "after": ["happy"], "why": "w", "at": "2026-01-01"}
    rows = [
        {"id": id_, "before": before, **same} for id_, before in ((kept[0], []), (kept[1], ["sad"]))
    ]
    file = tmp_path / "review.json"
    whole = {"stickerworks_review": 1, "workspace": identity, "who": "lea", "changes": rows}
    file.write_text(json.dumps(whole), "utf-8")
    answer = program("label", "review", "--apply", str(file))
    assert (answer.code, "tags was sad" in answer.said) == (3, True)
    assert tags_of(made, kept[0]) == (["happy"], "review")
    assert "1 label said so already" in program("label", "review", "--apply", str(file)).said


def test_checked_texts_decide_descriptions(
    program: Program, made: Path, kept: list[str], tmp_path: Path
) -> None:
    assert program("annotate").code == 0
    page = program("label", "texts", "--language", "en", "--json")
    assert page.code == 0
    from annotation.human.studio.ledger import open_ledger

    with open_ledger(made) as ledger:
        identity = ledger.identity
    captions = Workspace(made).read("captions").to_pylist()
    row = next(row for row in captions if row["id"] == kept[0] and row["language"] == "en")
    check = {name: row[name] for name in ("id", "field", "language")}
    check |= {
        "original": row["text"],
        "verdict": "corrected",
        "corrected": "By hand",
        "at": "2026-01-01",
    }
    file = tmp_path / "texts.json"
    whole = {"stickerworks_texts": 1, "workspace": identity, "checks": [check]}
    file.write_text(json.dumps(whole), "utf-8")
    assert program("label", "texts", "--apply", str(file)).code == 1
    assert program("label", "texts", "--apply", str(file), "--by", "lea").code == 0
    told = Workspace(made).read("descriptions").to_pylist()
    (described,) = [one for one in told if one["id"] == kept[0]]
    assert (described["caption_en"], described["captioner"]) == ("By hand", "people")
    assert "template" in program("label", "texts", "--report").said
