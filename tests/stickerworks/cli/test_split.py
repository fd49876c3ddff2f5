"""Splits that stay and named test sets, from the command line to a release and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from table_rows import put, table_of

from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace

NEXT = ("--set", "release.version=0.2.0")


@pytest.fixture
def workspace(made: Path) -> Workspace:
    return Workspace(made)


def splits(workspace: Workspace) -> dict[str, str]:
    rows = workspace.read("splits", columns=["id", "split"]).to_pylist()
    return {row["id"]: row["split"] for row in rows}


def pick(id_: str, test_set: str) -> dict[str, str]:
    return {"id": id_, "test_set": test_set, "domain": "real", "at": "2026-01-01T00:00:00Z"}


def save(path: Path, *picks: dict[str, str]) -> str:
    content = {"stickerworks_test_sets": 1, "who": "ann", "picks": list(picks)}
    path.write_text(json.dumps(content), "utf-8")
    return str(path)


def test_after_a_release_all_is_up_to_date_and_its_splits_stay(
    program: Any, workspace: Workspace
) -> None:
    assert program("release").code == 0
    before = splits(workspace)
    assert "Everything that was made is up to date." in program("update").said
    assert "release      up to date" in program("release").said
    # Other shares would give others: they hold for what is new.
    other = ("--set", "split.ratio=1:1:6", *NEXT)
    told = program("release", *other)
    assert told.code == 0
    assert splits(workspace) == before
    assert "Everything that was made is up to date." in program("update", *other).said
    (folder,) = workspace.releases.glob("*-0.2.0")
    card = (folder / "README.md").read_text("utf-8")
    assert "every one is in the split that it was in there" in card


def test_a_split_with_a_share_and_no_sticker_is_told(program: Any) -> None:
    told = program("split", "--set", "split.ratio=98:1:1")
    assert "WARNING: no sticker is in validation, which has a share" in told.said
    assert "is in validation, which" not in program("split", "--set", "split.ratio=1:0:1").said


def test_groups_that_join_are_told_and_listed(program: Any, workspace: Workspace) -> None:
    program("release", "--set", "split.ratio=4:2:2")
    before = splits(workspace)
    test, train = (next(i for i, s in before.items() if s == name) for name in ("test", "train"))
    shards = {}
    for part in workspace.parts:
        rows = workspace.read("duplicates", part).to_pylist()
        for row in rows:
            row["template_id"] = "same" if row["id"] in (test, train) else row["template_id"]
        shards[part] = table_of("duplicates", rows)
    workspace.write_block("duplicates", shards, Proof("test", ""))
    told = program("split", "--json", *NEXT)
    assert f"{test[:10]}: test to train, where {train[:10]} is" in told.said
    assert json.loads(told.out)["moved"] == 1
    assert splits(workspace) == before | {test: "train"}


def test_picks_are_proposed_reserved_and_released(
    program: Any, workspace: Workspace, tmp_path: Path
) -> None:
    nobody = program("split", "propose")
    assert nobody.code == 0
    assert "stickerworks annotate domain" in nobody.said
    for part in workspace.parts:
        ids = workspace.read("stickers", part)["id"].to_pylist()
        rows = [{"id": i, "domain": ("real", "cartoon")[n % 2]} for n, i in enumerate(ids)]
        put(workspace, "domain", rows, part)
    told = program("split", "propose", "--each", "2", "--json")
    assert "2 trigger words; proposed: vsd_c" in told.said
    page = Path(json.loads(told.out)["page"]).read_text("utf-8")
    first, other, *_ = splits(workspace)
    assert first in page
    dry = program("split", "reserve", save(tmp_path / "a.json", pick(first, "vsd_r")), "--dry-run")
    assert "1 more would be reserved" in dry.said
    files = (str(tmp_path / "a.json"), save(tmp_path / "b.json", pick(other, "hard")))
    held = program("split", "reserve", *files)
    assert "2 more are reserved, 0 fewer" in held.said
    assert "split. `stickerworks update` makes them anew" in held.said
    assert "hard 1 of 1, vsd_r 1 of 1" in program("split").said
    assert {splits(workspace)[id_] for id_ in (first, other)} == {"test"}


def test_strange_picks_are_one_line_and_change_nothing(
    program: Any, workspace: Workspace, tmp_path: Path
) -> None:
    strange = save(tmp_path / "a.json", pick("f" * 64, "vsd_r"))
    for file, words in {
        strange: "1 of the picked stickers are not in",
        str(tmp_path / "none.json"): "can't be read: No such file",
        str(tmp_path): "can't be read",
    }.items():
        answer = program("split", "reserve", file)
        assert answer.code == 1
        assert words in answer.said
        assert "Traceback" not in answer.said
    assert not workspace.has("reserved")
