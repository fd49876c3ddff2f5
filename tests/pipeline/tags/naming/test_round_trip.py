"""What is written on a sheet is read back as it was, also after LibreOffice saved it."""

import csv
import io
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.tags.naming.guarding import guard, guard_again, unguard
from pipeline.tags.naming.lists import join_list, split_list
from pipeline.tags.naming.reading import read_naming
from pipeline.tags.naming.rows import ADD, Naming, NamingRow
from pipeline.tags.naming.sheet.comma_separated import sheet_csv
from pipeline.tags.naming.sheet.packing import packed_mark
from pipeline.tags.naming.sheet.workbook import fitting, sheet_xlsx

FILES = Path(__file__).with_name("files")
MARK = "0" * 64


def _tidy(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


# Line ends within a text are newlines, as a cell holds them.
signs = st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"])
risky = st.sampled_from(
    ["=", "+", "-", "@", "'", '"', ",", "、", "\n", "_x0041_", "1e5", "猫", " "]
)
texts = st.lists(st.one_of(risky, signs), max_size=6).map("".join).map(_tidy)
some = texts.filter(bool)
lists = st.lists(some, max_size=3, unique=True).map(tuple)
common = {"name": texts, "english": texts, "group": texts, "aliases": lists, "note": texts}
rows = st.builds(
    NamingRow,
    key=st.integers(0, 999).map(lambda n: f"c{n}"),
    decision=st.sampled_from(["", "keep", "merge", "drop", "block"]),
    into=texts,
    **common,
)
by_hand = st.builds(
    NamingRow, decision=st.just(ADD), keywords=lists, words=lists, **(common | {"name": some})
)


@given(st.lists(rows, max_size=4), st.lists(by_hand, max_size=2))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_naming_is_read_back_as_it_was_written(
    tmp_path: Path, sheet_of: Callable[..., Any], kept: list[NamingRow], added: list[NamingRow]
) -> None:
    sheet = sheet_of(Naming("", (*kept, *added)), "v1")
    expected = tuple(replace(row, version="v1") for row in (*kept, *added))
    for name, data in (("a.xlsx", sheet_xlsx(sheet, MARK)), ("a.csv", sheet_csv(sheet))):
        (tmp_path / name).write_bytes(data)
        if expected and kept:
            assert read_naming(tmp_path / name).rows == expected


@given(lists, st.sampled_from([", ", "\n", "；"]))
def test_lists_are_split_as_they_were_joined(items: tuple[str, ...], between: str) -> None:
    assert split_list(join_list(items, between)) == items


@given(texts)
def test_what_is_guarded_begins_with_no_sign_and_comes_back(text: str) -> None:
    assert guard(text)[:1] not in tuple("=+-@\t\r＝＋－＠")
    assert unguard(guard(text)) == text
    assert unguard(guard_again(text)) == text


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("猫、狗；鸟|鱼,牛，羊;马\n蛇", ("猫", "狗", "鸟", "鱼", "牛", "羊", "马", "蛇")),
        (" a ,, b , a", ("a", "b")),
        ('"a, b", c', ("a, b", "c")),
        ('"a" b, c', ('"a" b', "c")),
        ('"open, c', ('"open', "c")),
        ('"say ""hi"""', ('say "hi"',)),
        (" \n,", ()),
    ],
)
def test_lists_in_a_cell(text: str, items: tuple[str, ...]) -> None:
    assert split_list(text) == items


@pytest.mark.parametrize("name", ["filled.ods", "filled.xlsx", "table.xlsx", "filled.csv"])
def test_what_libreoffice_saved_is_what_was_written(name: str, filled: Any) -> None:
    """filled.* come from the workbook, table.xlsx from the CSV; a CSV has the first sheet alone."""
    found = read_naming(FILES / name)
    added = () if name.endswith(".csv") else filled.added
    assert found.rows == (*filled.rows, *added)
    assert {row.exemplars for row in found.rows if row.key} == {filled.exemplars}


def test_cells_are_named_as_the_program_shows_them() -> None:
    row = read_naming(FILES / "filled.ods").rows[1]
    assert (row.where("name"), row.where("decision")) == ("clusters!K3", "clusters!J3")
    row = read_naming(FILES / "filled.csv").rows[1]
    assert row.where("name") == "line 4, name"  # the row before it has two lines


def test_the_same_sheet_is_the_same_bytes_and_tells_when_it_was_saved(filled: Any) -> None:
    data = sheet_xlsx(filled.sheet, MARK)
    assert data == sheet_xlsx(filled.sheet, MARK)
    assert packed_mark(data) == MARK
    saved = io.BytesIO()
    openpyxl.load_workbook(io.BytesIO(data)).save(saved)
    assert packed_mark(saved.getvalue()) is None
    assert packed_mark((FILES / "filled.xlsx").read_bytes()) is None
    assert packed_mark(b"PK") is None


def test_no_text_of_strangers_is_a_formula(filled: Any) -> None:
    data = sheet_xlsx(filled.sheet, MARK)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/sheet"):
                assert b"<f>" not in archive.read(name)
    cells = [cell for row in csv.reader(io.StringIO(sheet_csv(filled.sheet).decode("utf-8-sig")))
             for cell in row]  # fmt: skip
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]


def test_what_no_cell_holds_is_replaced_or_cut() -> None:
    assert fitting("a\x00\x1b\ud800\uffffb") == "a����b"
    assert len(fitting("猫" * 40_000)) == 32_767
    listed = fitting(join_list(str(n) for n in range(10_000)))
    assert len(listed) <= 32_767
    assert split_list(listed) == tuple(map(str, range(len(split_list(listed)))))
