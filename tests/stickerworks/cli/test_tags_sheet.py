"""`tags sheet`, from the command line to a file and back."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pipeline.tags.naming.reading import read_naming


@pytest.fixture
def sheet(made: Path) -> Path:
    return made / "reports" / "tags.xlsx"


def fill_in(path: Path, **columns: str) -> None:
    """Write into the first row, and save as a spreadsheet program does."""
    book = openpyxl.load_workbook(path)
    heads = {cell.value: cell.column for cell in book["clusters"][1]}
    for name, text in columns.items():
        book["clusters"].cell(2, heads[name], text)
    book.save(path)


def test_a_sheet_is_written_anew_until_somebody_fills_it_in(program: Any, sheet: Path) -> None:
    told = program("tags", "sheet")
    assert told.code == 0
    assert "stickerworks tags apply FILE" in told.said
    before = sheet.read_bytes(), sheet.with_suffix(".csv").read_bytes()
    assert {row.decision for row in read_naming(sheet).rows} == {""}
    assert program("tags", "sheet").code == 0
    assert (sheet.read_bytes(), sheet.with_suffix(".csv").read_bytes()) == before
    fill_in(sheet, decision="keep", name="快乐")
    filled = sheet.read_bytes()
    told = program("tags", "sheet")
    assert told.code == 1
    assert "would be written over" in told.said
    assert "--from" in told.said
    assert sheet.read_bytes() == filled


def test_a_table_that_somebody_filled_in_stays(program: Any, sheet: Path) -> None:
    assert program("tags", "sheet").code == 0
    table = sheet.with_suffix(".csv")
    table.write_bytes(table.read_bytes().replace(b"c0,", b"c0 ,"))
    assert program("tags", "sheet").code == 1
    table.unlink()
    assert program("tags", "sheet").code == 0
    sheet.unlink()
    assert program("tags", "sheet").code == 1


def test_what_was_filled_in_is_taken_over(program: Any, sheet: Path, tmp_path: Path) -> None:
    assert program("tags", "sheet").code == 0
    fill_in(sheet, decision="keep", name="快乐", version="another")
    target = tmp_path / "new.xlsx"
    told = program("tags", "sheet", str(target), "--from", str(sheet), "--json")
    assert told.code == 0
    answer = json.loads(told.out)["sheet"]
    assert (answer["path"], answer["taken_over"], answer["not_taken_over"]) == (str(target), 1, [])
    first = read_naming(target).rows[0]
    assert (first.decision, first.name, first.version) == ("keep", "快乐", answer["version"])
    assert "taken over: one row" in told.said


def test_what_the_page_saved_is_taken_over(program: Any, sheet: Path, tmp_path: Path) -> None:
    row = {"key": "c0", "decision": "drop", "exemplars": ["happy"], "note": "by page"}
    tag = {"name": "猫", "keywords": ["a, b", "c"]}
    saved = {"stickerworks_naming": 1, "version": "0" * 12, "rows": [row], "added": [tag]}
    (tmp_path / "saved.json").write_text(json.dumps(saved), "utf-8")
    assert program("tags", "sheet", "--from", str(tmp_path / "saved.json")).code == 0
    rows = read_naming(sheet).rows
    (dropped,) = (row for row in rows if row.decision == "drop")
    assert (dropped.note, dropped.exemplars) == ("by page", ("happy",))
    assert rows[-1].keywords == ("a, b", "c")


def test_where_nothing_is_to_be_named_nothing_is_written(program: Any, sheet: Path) -> None:
    told = program("tags", "sheet", "--set", "tags.min_df=100")
    assert told.code == 0
    assert "there is nothing to name yet" in told.said
    assert not sheet.exists()


def test_a_dry_run_writes_nothing(program: Any, sheet: Path) -> None:
    told = program("tags", "sheet", "--dry-run")
    assert (told.code, sheet.exists()) == (0, False)
    assert f"would write {sheet}" in told.said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("a.ods",), "Name a file that ends in .xlsx."),
        (("none/a.xlsx",), "There is no folder none"),
        ((".",), "is a folder"),
        (("--from", "none.xlsx"), "none.xlsx can't be read"),
        (("--from", "broken.xlsx"), "clusters!C2: a formula stands here: =A1"),
    ],
)
def test_what_is_refused(
    program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Any, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    book = openpyxl.Workbook()
    book.worksheets[0].title = "clusters"
    for row in (["key", "decision", "name", "version"], ["c0", "keep", "=A1", "v"]):
        book.worksheets[0].append(row)
    written = io.BytesIO()
    book.save(written)
    (tmp_path / "broken.xlsx").write_bytes(written.getvalue())
    answer = program("tags", "sheet", *arguments)
    assert answer.code == 1
    assert told in answer.said
