"""Checks are noted for every model that wrote the text; changed texts are refused, row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from annotation.human.checking.figures import figure_lines, judged_writers
from annotation.human.checking.saved import SavedCheck, read_saved_texts
from annotation.human.checking.taking import Taken, say_corrected, say_stale, take_checks
from annotation.human.studio.corrected import write_corrected
from annotation.human.studio.forgetting import forget_tasks
from annotation.human.studio.ledger import open_ledger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

ONE, THREE = "1" * 64, "3" * 64
ROW = {
    "id": ONE, "field": "caption", "language": "en", "original": "A cat waves", "verdict": "right",
    "corrected": None, "at": "2026-01-01T00:00:00.000Z",
}  # fmt: skip


def check(**changes: Any) -> SavedCheck:
    return SavedCheck(**{**ROW, **changes})


def take(workspace: Workspace, *checks: SavedCheck, who: str = "lea") -> Taken:
    with open_ledger(workspace.root) as ledger:
        taken = take_checks(workspace, ledger, checks, who)
        write_corrected(workspace, ledger)
    return taken


def test_a_check_is_noted_for_every_model_that_wrote_the_text(captioned: Workspace) -> None:
    taken = take(captioned, check(), check(id=THREE, original="A dog", verdict="wrong"))
    assert (taken.noted, taken.same) == ({"right": 1, "corrected": 0, "wrong": 1}, 0)
    rows = captioned.read("text_checks").to_pylist()
    assert [(row["model"], row["verdict"], row["who"]) for row in rows] == [
        ("one", "right", "lea"),
        ("two", "right", "lea"),
        ("one", "wrong", "lea"),
    ]


def test_a_text_that_changed_is_refused_and_the_others_are_taken(captioned: Workspace) -> None:
    taken = take(captioned, check(original="A cat slept"), check())
    assert [one.original for one in taken.stale] == ["A cat slept"]
    assert "A cat slept" in say_stale(taken.stale[0])
    assert taken.noted["right"] == 1


def test_the_same_file_again_notes_nothing_and_another_person_is_kept_beside(
    captioned: Workspace,
) -> None:
    corrected = check(verdict="corrected", corrected="A cat waves a paw")
    take(captioned, corrected)
    assert take(captioned, corrected).same == 1
    take(captioned, check(verdict="wrong"), who="max")
    rows = captioned.read("text_checks").to_pylist()
    assert [(row["who"], row["verdict"]) for row in rows] == [
        ("lea", "corrected"), ("lea", "corrected"), ("max", "wrong"), ("max", "wrong"),
    ]  # fmt: skip
    (one, two) = judged_writers(captioned.read("text_checks"))
    assert (one.wrong, one.corrected, two.wrong) == (1, 0, 1)
    assert "100%" in figure_lines([one])[1]


def test_a_text_corrected_to_itself_is_right(captioned: Workspace) -> None:
    assert take(captioned, check(verdict="corrected", corrected="A cat waves")).noted["right"] == 1


def test_corrections_in_another_language_are_refused_unless_meant(captioned: Workspace) -> None:
    foreign = check(verdict="corrected", corrected="一只猫在挥手")
    taken = take(captioned, foreign, check(id=THREE, original="A dog"))
    assert (taken.foreign, taken.noted["right"], taken.noted["corrected"]) == ((foreign,), 1, 0)
    assert "一只猫在挥手" in say_corrected(taken.foreign[0])
    with open_ledger(captioned.root) as ledger:
        forced = take_checks(captioned, ledger, [foreign], "lea", force=True)
    assert (forced.foreign, forced.noted["corrected"]) == ((), 1)
    chinese = check(language="zh", original="猫", verdict="corrected", corrected="一只猫")
    assert take(captioned, chinese).noted["corrected"] == 1


def test_corrections_that_read_as_a_machines_talk_are_noted_and_told(captioned: Workspace) -> None:
    talk = check(verdict="corrected", corrected="Sure! Here is: as an AI I cannot.")
    taken = take(captioned, talk)
    assert (taken.odd, taken.noted["corrected"]) == ((talk,), 1)
    plain = take(captioned, check(verdict="corrected", corrected="A cat waves its paw"))
    assert (plain.odd, plain.noted["corrected"]) == ((), 1)


def test_a_takedown_forgets_checks(captioned: Workspace) -> None:
    take(captioned, check(), check(id=THREE, original="A dog"))
    forget_tasks(captioned.root, [ONE])
    with open_ledger(captioned.root) as ledger:
        assert [row["sticker"] for row in ledger.rows("SELECT sticker FROM text_checks")] == [THREE]


def written(path: Path, *rows: dict[str, Any], **more: Any) -> Path:
    whole = {"stickerworks_texts": 1, "workspace": "w", "who": "lea", "checks": list(rows)}
    (path / "t.json").write_text(json.dumps({**whole, **more}), "utf-8")
    return path / "t.json"


def test_what_the_page_saves_is_read_without_what_tables_do_not_hold(tmp_path: Path) -> None:
    row = {**ROW, "verdict": "corrected", "corrected": " a\u202e b \n\n c\0 "}
    (found,) = read_saved_texts(written(tmp_path, row), "w").checks
    assert found.corrected == "a b\nc"


@pytest.mark.parametrize(
    ("row", "more", "said"),
    [
        ({"verdict": "perhaps"}, {}, "verdict"),
        ({"verdict": "corrected", "corrected": " "}, {}, "corrected"),
        ({"verdict": "right", "corrected": "x"}, {}, "corrected"),
        ({"verdict": "corrected", "corrected": "x" * 20_001}, {}, "corrected"),
        ({"original": ""}, {}, "original"),
        ({"id": "1"}, {}, "id"),
        ({}, {"workspace": "other"}, "another workspace"),
        ({}, {"stickerworks_review": 1}, "stickerworks_review"),
    ],
)
def test_a_file_edited_by_hand(
    tmp_path: Path, row: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(StickerworksError, match=said):
        read_saved_texts(written(tmp_path, {**ROW, **row}, **more), "w")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stickerworks_naming": 1}'])
def test_files_of_others(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text, "utf-8")
    with pytest.raises(StickerworksError, match="holds no checks of machine texts"):
        read_saved_texts(tmp_path / "t.json", "w")
