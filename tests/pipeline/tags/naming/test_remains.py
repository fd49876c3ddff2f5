"""Of a sheet that has to go, decisions stay; nothing that went does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.tags.naming.reading import read_naming
from pipeline.tags.naming.rows import Naming
from pipeline.tags.naming.sheet.remains import remaining_decisions
from pipeline.tags.naming.sheet.write import write_sheet


@pytest.fixture
def sheet(filled: Any, tmp_path: Path) -> Path:
    write_sheet(filled.sheet, tmp_path / "tags.xlsx", tmp_path / "tags.csv")
    return tmp_path / "tags.xlsx"


def save(file: Path) -> None:
    """Save a workbook as people do."""
    openpyxl.load_workbook(file).save(file)


def test_nothing_is_left_of_what_nobody_filled_in(sheet_of: Any, sheet: Path) -> None:
    table = sheet.with_suffix(".csv")
    assert remaining_decisions(sheet, ()) is None
    assert remaining_decisions(table, ()) is None
    table.write_bytes(table.read_bytes() + b"\r\n")
    assert remaining_decisions(table, ()) is not None
    blank = Naming("", (replace(read_naming(sheet).rows[5], note=""),))
    write_sheet(sheet_of(blank, "v1"), sheet, table)
    save(sheet)
    assert remaining_decisions(sheet, ()) is None


def test_decisions_are_read_again_without_the_words_that_went(
    sheet: Path, filled: Any, tmp_path: Path
) -> None:
    save(sheet)
    data = remaining_decisions(sheet, ["谢谢", "打工人上班"])
    assert data is not None
    text = data.decode("utf-8")
    assert "谢谢" not in text
    assert "打工人上班" not in text
    (tmp_path / "left.csv").write_bytes(data)
    rows = read_naming(tmp_path / "left.csv").rows
    assert [(row.key, row.decision, row.version) for row in rows] == [
        (row.key, row.decision, row.version) for row in (*filled.rows, *filled.added)
    ]
    assert (rows[0].name, rows[0].english, rows[0].aliases) == (
        "",
        "thanks",
        ("多谢", "a, b", "3Q"),
    )
    assert rows[1:2] + rows[3:7] == filled.rows[1:2] + filled.rows[3:7]
    assert rows[2].into == ""
    assert rows[-1].keywords == filled.added[0].keywords[1:]
    assert rows[0].exemplars == tuple(word for word in filled.exemplars if "谢谢" not in word)


def test_what_is_no_naming_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n", "utf-8")
    with pytest.raises(StickerworksError):
        remaining_decisions(tmp_path / "a.csv", ())
