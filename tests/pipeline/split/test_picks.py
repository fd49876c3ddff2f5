"""Files of picks: what people saved, what they changed by hand, and what others made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_rows import put

from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from pipeline.split.picks import Reservation, count_by_set, read_picks, reserve

IDS = [f"{n:064x}" for n in range(6)]
AT = "2026-05-01T10:00:00Z"


def pick(number: int, test_set: str = "vsd_r", **more: Any) -> dict[str, Any]:
    return {"id": IDS[number], "test_set": test_set, "at": AT, **more}


def saved(folder: Path, *picks: dict[str, Any], who: str = "Ann", **more: Any) -> pa.Table:
    path = folder / f"{who}.json"
    content = {"stickerworks_test_sets": 1, "who": who, "picks": list(picks), **more}
    path.write_text(json.dumps(content), "utf-8")
    return read_picks(path)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Six stickers, of which the last is dropped, and the first was released in train."""
    made = Workspace(tmp_path / "workspace")
    put(made, "stickers", [{"id": id_} for id_ in IDS])
    kept = [{"id": id_, "kept": id_ != IDS[5], "outcome": "kept"} for id_ in IDS]
    put(made, "decisions", kept)
    alone = [{"id": id_, "group": id_, "representative": True} for id_ in IDS]
    put(made, "duplicates", alone)
    put(
        made,
        "released_splits",
        [{"id": IDS[0], "split": "train", "release": "stickers-0.1.0", "number": 1}],
    )
    return made


def hold(workspace: Workspace, *picked: pa.Table, **how: Any) -> Reservation:
    return reserve(
        workspace, picked, **{"replace": False, "packs": False, "labelled_only": False, **how}
    )


def test_a_saved_file_becomes_rows(tmp_path: Path) -> None:
    word = {"trigger_word": " 开心\n\x1b[31m ", "domain": "real"}
    (row,) = saved(tmp_path, pick(1, **word), who="\x07Ann ").to_pylist()
    assert row == {
        "id": IDS[1], "test_set": "vsd_r", "trigger_word": "开心 [31m", "domain": "real",
        "picked_by": "Ann", "picked_at": "2026-05-01T10:00:00.000+00:00",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "valid dictionary"),
        ("{}", "stickerworks_test_sets is needed"),
        ({"stickerworks_test_sets": 2, "who": "a", "picks": []}, "stickerworks_test_sets"),
        ({"stickerworks_audit": 1, "rule": "x", "who": "a", "answers": []}, "stickerworks_audit"),
        ([{**pick(0), "id": "../../etc/passwd"}], "picks.0.id"),
        ([{**pick(0), "test_set": "train"}], "that is the name of a split"),
        ([{**pick(0), "test_set": "VSD R"}], "picks.0.test_set"),
        ([{**pick(0), "domain": "painting"}], "picks.0.domain"),
        ([{**pick(0), "at": "yesterday"}], "picks.0.at"),
        ([{**pick(0), "trigger_word": "x" * 5000}], "picks.0.trigger_word"),
        ([{**pick(0), "tags": []}], "unknown key picks.0.tags"),
    ],
)
def test_what_is_no_file_of_picks_is_one_line(tmp_path: Path, content: Any, words: str) -> None:
    if isinstance(content, list):
        content = {"stickerworks_test_sets": 1, "who": "a", "picks": content}
    path = tmp_path / "picks.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    with pytest.raises(StickerworksError, match=words) as caught:
        read_picks(path)
    assert "\n" not in caught.value.message
    with pytest.raises(StickerworksError, match="can't be read"):
        read_picks(tmp_path)


def test_what_is_not_here_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    strange = {**pick(1), "id": "f" * 64}
    with pytest.raises(StickerworksError, match="1 of the picked stickers are not in"):
        hold(workspace, saved(tmp_path, pick(1), strange))
    assert not workspace.has("reserved")


def test_two_files_are_one_whatever_their_order(workspace: Workspace, tmp_path: Path) -> None:
    ann = saved(tmp_path, pick(1), pick(2), pick(2, "hard"))
    bob = saved(tmp_path, pick(2, at="2026-04-01T00:00:00Z"), pick(3, "vsd_c"), who="Bob")
    one = hold(workspace, ann, bob)
    assert (one.added, one.removed, one.outside) == (4, 0, 0)
    assert count_by_set(one.rows) == {"hard": 1, "vsd_c": 1, "vsd_r": 2}
    who = {(row["id"], row["test_set"]): row["picked_by"] for row in one.rows.to_pylist()}
    assert who[IDS[2], "vsd_r"] == "Bob"
    first = workspace.path("reserved")
    before = first.read_bytes()
    assert (hold(workspace, bob).added, hold(workspace, bob, ann).added) == (0, 0)
    assert first.read_bytes() == before
    workspace.path("reserved").unlink()
    assert hold(workspace, bob, ann).rows.equals(one.rows)
    assert first.read_bytes() == before


def test_a_new_file_may_replace_what_was_picked(workspace: Workspace, tmp_path: Path) -> None:
    hold(workspace, saved(tmp_path, pick(1), pick(2)))
    other = saved(tmp_path, pick(2), pick(3))
    would = hold(workspace, other, replace=True, dry=True)
    assert len(workspace.read("reserved")) == 2
    made = hold(workspace, other, replace=True)
    assert (made.added, made.removed) == (would.added, would.removed) == (1, 1)
    assert workspace.read("reserved")["id"].to_pylist() == [IDS[2], IDS[3]]


def test_picks_that_cannot_be_in_test_are_counted(workspace: Workspace, tmp_path: Path) -> None:
    picked = saved(tmp_path, pick(0), pick(1), pick(2), pick(3), pick(5))
    assert hold(workspace, picked).outside == 2
    assert hold(workspace, picked, labelled_only=True).outside == 5
    labels = {1: ("effective", ["a"]), 2: ("effective", []), 3: ("rejected", ["a"])}
    said = [(id_, *labels.get(number, (None, []))) for number, id_ in enumerate(IDS)]
    put(workspace, "labels", [{"id": i, "status": s, "tags": tags} for i, s, tags in said])
    assert hold(workspace, picked, labelled_only=True).outside == 4


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_refused_in_a_line(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    with pytest.raises(StickerworksError):
        read_picks(path)
