"""Files that aren't what the page saved are refused in a line that says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.human.review.changes import Change
from annotation.human.review.saved import read_saved_review
from pipeline.engine.errors import StickerworksError

ROW = {
    "id": "a" * 64, "field": "tags", "before": [], "after": ["joy"], "why": "w",
    "at": "2026-01-01T00:00:00.000Z",
}  # fmt: skip


def written(path: Path, *rows: dict[str, Any], **more: Any) -> Path:
    whole = {"stickerworks_review": 1, "workspace": "w", "who": "lea", "changes": list(rows)}
    file = path / "review.json"
    file.write_text(json.dumps({**whole, **more}), "utf-8")
    return file


def test_what_the_page_saves_is_read(tmp_path: Path) -> None:
    found = read_saved_review(written(tmp_path, ROW, ROW), "w")
    assert found.changes == (Change("a" * 64, "tags", (), ("joy",), "w"),)
    assert found.who == "lea"


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ([ROW | {"id": "../x"}], {}, "id"),
        ([ROW | {"after": "joy"}], {}, "after"),
        ([ROW | {"at": "soon"}], {}, "at"),
        ([ROW | {"more": 1}], {}, "more"),
        ([ROW, ROW | {"after": []}], {}, "twice"),
        ([ROW], {"stickerworks_review": 2}, "stickerworks_review"),
        ([ROW], {"workspace": "other"}, "another workspace"),
    ],
)
def test_a_file_edited_by_hand(
    tmp_path: Path, rows: list[dict[str, Any]], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(StickerworksError, match=said):
        read_saved_review(written(tmp_path, *rows, **more), "w")


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "[1]", '{"stickerworks_texts": 1}', "\0", "[" * 9000]
)
def test_files_of_others(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text, "utf-8")
    with pytest.raises(StickerworksError, match="holds no changes of labels"):
        read_saved_review(file, "w")


@given(st.integers(0, 400))
def test_a_file_that_was_cut_is_refused(tmp_path_factory: Any, length: int) -> None:
    file = written(tmp_path_factory.getbasetemp(), ROW)
    whole = file.read_text("utf-8")
    file.write_text(whole[: min(length, len(whole) - 1)], "utf-8")
    with pytest.raises(StickerworksError):
        read_saved_review(file, "w")
