"""Sheets as people send them back: what is read, and what is refused with its cell."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import openpyxl
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.tags.naming.grid import archive
from pipeline.tags.naming.reading import read_naming
from pipeline.tags.naming.rows import Naming, NamingError, Problem
from pipeline.tags.naming.sheet.workbook import sheet_xlsx

HEAD = ["key", "decision", "name", "version"]
ROW = ["c0", "keep", "猫", "v1"]


def workbook(rows: Iterable[Iterable[Any]], change: Callable[[Any], None] | None = None) -> bytes:
    """A workbook with one sheet, clusters, of these rows."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "clusters"
    for row in rows:
        sheet.append(list(row))
    if change is not None:
        change(sheet)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def spreadsheet(table: str, before: str = "", manifest: str = "") -> bytes:
    """An .ods file whose one sheet, clusters, has this XML."""
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (("office", "office"), ("table", "table"), ("text", "text"))
    )
    content = (
        f"{before}<office:document-content {spaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="clusters">{table}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr("content.xml", content)
        packed.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
    return target.getvalue()


def ods_row(*texts: str, more: str = "") -> str:
    cells = "".join(
        text
        if text.startswith("<")
        else f"<table:table-cell><text:p>{escape(text)}</text:p></table:table-cell>"
        for text in texts
    )
    return f"<table:table-row{more}>{cells}</table:table-row>"


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes, str], Naming]:
    def read_file(data: bytes, name: str = "sheet.xlsx") -> Naming:
        (tmp_path / name).write_bytes(data)
        return read_naming(tmp_path / name)

    return read_file


@pytest.fixture
def problems(read: Any) -> Callable[[bytes, str], list[Problem]]:
    def find(data: bytes, name: str = "sheet.xlsx") -> list[Problem]:
        with pytest.raises(NamingError) as raised:
            read(data, name)
        return list(raised.value.problems)

    return find


def test_columns_are_found_by_their_headings_wherever_they_stand(read: Any) -> None:
    rows = [
        ["Clusters of this spring"],
        [],
        ["Total", None, "Ｎａｍｅ", " Version ", "KEY", "merge into", "De cision", "my own"],
        [None, None, "狗", "v1", "c1", None, " keep ", "=1+1"],
        [None] * 8,
        [7, None, " 猫\n", "v1", "c0", "狗", "merge", "=SUM(A1)"],
        ["a remark below"],
    ]
    found = read(workbook(rows))
    told = [(row.key, row.decision, row.name, row.into) for row in found.rows]
    assert told == [("c1", "keep", "狗", ""), ("c0", "merge", "猫", "狗")]
    assert found.rows[1].where("name") == "clusters!C6"
    assert found.source == "sheet.xlsx"


def test_numbers_and_truths_are_the_texts_that_were_typed(read: Any) -> None:
    values = [123, 520.0, 0.5, True, "007", "1e3", 2**40]
    rows = [HEAD, *([f"c{n}", "keep", value, "v1"] for n, value in enumerate(values))]
    names = [row.name for row in read(workbook(rows)).rows]
    assert names == ["123", "520", "0.5", "TRUE", "007", "1e3", "1099511627776"]


def test_extra_sheets_are_passed_over_and_added_tags_read(read: Any) -> None:
    def more(sheet: Any) -> None:
        book = sheet.parent
        book.create_sheet("notes", 0).append(["name", "of a cat"])
        added = book.create_sheet("added")
        added.append(["note", "keywords", "name"])
        added.append([None, "猫睡觉、猫\n猫吃", "猫"])
        added.append([None, None, None])

    found = read(workbook([HEAD, ROW], more))
    assert [(row.key, row.decision, row.keywords) for row in found.rows] == [
        ("c0", "keep", ()),
        ("", "add", ("猫睡觉", "猫", "猫吃")),
    ]
    assert [row.version for row in found.rows] == ["v1", "v1"]


def test_a_blank_version_is_that_of_the_other_rows_if_they_agree(read: Any) -> None:
    rows = [HEAD, ["c0", "drop", None, "v1"], ["c1", "drop", None, None]]
    assert [row.version for row in read(workbook(rows)).rows] == ["v1", "v1"]
    rows += [["c2", "drop", None, "v2"]]
    assert [row.version for row in read(workbook(rows)).rows] == ["v1", "", "v2"]


def test_without_a_version_column_the_instructions_say_it(
    read: Any, problems: Any, filled: Any
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(sheet_xlsx(filled.sheet, "")))
    sheet = book["clusters"]
    sheet.delete_cols(sheet.max_column)
    target = io.BytesIO()
    book.save(target)
    assert {row.version for row in read(target.getvalue()).rows} == {filled.sheet.version}
    (found,) = problems(workbook([HEAD[:3], ROW[:3]]))
    assert (found.where, "version" in found.what) == ("clusters", True)


@pytest.mark.parametrize("missing", ["key", "decision", "name"])
def test_a_column_that_is_missing_is_named_with_what_it_is_for(problems: Any, missing: str) -> None:
    rows = [[v for h, v in zip(HEAD, row, strict=True) if h != missing] for row in (HEAD, ROW)]
    (found,) = problems(workbook(rows))
    assert found.where == "clusters"
    assert f"no column {missing} (" in found.what


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("=A1", "a formula stands here: =A1"),
        ('=HYPERLINK("http://x/","猫")', "a formula stands here: =HYPERLINK("),
        (datetime(2026, 3, 8), "made a date"),
    ],
)
def test_what_is_no_text_is_refused_with_its_cell(problems: Any, value: Any, told: str) -> None:
    (found,) = problems(workbook([HEAD, ROW, ["c1", "keep", value, "v1"]]))
    assert found.where == "clusters!C3"
    assert told in found.what


def test_percentages_and_errors_are_refused(problems: Any) -> None:
    def change(sheet: Any) -> None:
        sheet["C2"], sheet["C2"].number_format = 1, "0%"
        sheet["B2"], sheet["B2"].data_type = "#N/A", "e"

    assert [p.where for p in problems(workbook([HEAD, ROW], change))] == [
        "clusters!B2",
        "clusters!C2",
    ]


def test_merged_cells_are_refused_where_they_are_read_alone(read: Any, problems: Any) -> None:
    def title(sheet: Any) -> None:
        sheet.merge_cells("A1:D1")
        sheet.merge_cells("F3:G4")

    rows = [["a title"], HEAD, ROW, ["c1", "drop", None, "v1"]]
    assert len(read(workbook(rows, title)).rows) == 2
    (found,) = problems(workbook(rows, lambda sheet: sheet.merge_cells("C3:C4")))
    assert (found.where, found.what) == ("clusters!C3:C4", "these cells are merged")


def test_every_problem_is_told_at_once(problems: Any) -> None:
    rows = [
        [*HEAD, "Name", "exemplars"],
        ["c0", "keep", "=A1", "v1", None, "猫"],
        [None, None, "狗", "v1", None, "狗"],
        [None, "drop", None, "v1", None, None],
    ]
    assert [problem.where for problem in problems(workbook(rows))] == [
        "clusters!E1",
        "clusters!C2",
        "clusters!A3",
        "clusters!B4",
    ]


def test_a_blank_column_is_not_told_to_be_missing(problems: Any) -> None:
    (found,) = problems(workbook([HEAD, [*ROW[:3], None]]))
    assert "the column version is blank" in found.what


@pytest.mark.parametrize(
    ("heads", "told"),
    [
        (["Tag", "keywords", "words", "note"], "beside keywords, words, note"),
        (["Tag", "the keywords", "x", "y"], "no columns name and keywords (or words)"),
    ],
)
def test_added_tags_are_not_lost_with_a_heading(
    problems: Any, read: Any, heads: list[str], told: str
) -> None:
    def more(sheet: Any) -> None:
        added = sheet.parent.create_sheet("added")
        added.append(heads)
        added.append(["猫", "猫睡觉", None, "n"])

    (found,) = problems(workbook([HEAD, ROW], more))
    assert (found.where, told in found.what) == ("added", True)


@pytest.mark.parametrize("change", ["english", "group", "aliases", "into", "note"])
def test_answers_are_not_lost_with_a_heading(
    problems: Any, read: Any, filled: Any, change: str
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(sheet_xlsx(filled.sheet, "")))
    (cell,) = (cell for cell in book["clusters"][1] if cell.value == change)
    target = io.BytesIO()
    cell.value = "remark"
    book.save(target)
    (found,) = problems(target.getvalue())
    assert found.where == f"clusters!{cell.coordinate}"
    assert f"none called {change}" in found.what
    book["clusters"].delete_cols(cell.column)
    book["clusters"].cell(1, 40, "my own")
    book["clusters"].cell(2, 40, "a remark")
    book.save(target := io.BytesIO())
    assert len(read(target.getvalue()).rows) == len(filled.rows) + len(filled.added)


@pytest.mark.parametrize(
    ("encoding", "name", "lost"),
    [
        ("ascii", "猫猫", True),
        ("gbk", "\U0001f600猫", True),
        ("utf-8", "猫?", False),
        ("gb18030", "猫", False),
    ],
)
def test_characters_that_an_encoding_lost_are_told(
    read: Any, problems: Any, encoding: str, name: str, lost: bool
) -> None:
    lines = f"key,decision,name,version,exemplars\nc0,keep,{name},v1,猫睡觉\n"
    data = lines.encode(encoding, "replace")
    if not lost:
        assert [row.name for row in read(data, "a.csv").rows] == [name]
        return
    (found,) = problems(data, "a.csv")
    assert (found.where, "lost" in found.what) == ("line 2, name", True)
    assert "UTF-8" in found.remedy


def test_two_sheets_of_clusters_are_refused(problems: Any) -> None:
    def copy(sheet: Any) -> None:
        sheet.parent.copy_worksheet(sheet)

    (found,) = problems(workbook([HEAD, ROW], copy))
    assert found.where == "clusters Copy"


@pytest.mark.parametrize(
    ("encoding", "separator", "told"),
    [
        ("utf-8", ",", "a.csv"),
        ("utf-8-sig", ";", "a.csv"),
        ("utf-16", "\t", "a.csv (read as UTF-16)"),
        ("gb18030", ",", "a.csv (read as GB18030)"),
    ],
)
def test_csv_of_other_encodings_and_separators(
    read: Any, encoding: str, separator: str, told: str
) -> None:
    lines = ["sep=,", separator.join(HEAD), f'c0{separator}keep{separator}"猫,;\t咪"{separator}v1']
    found = read("\r\n".join(lines).encode(encoding), "a.csv")
    assert [row.name for row in found.rows] == ["猫,;\t咪"]
    assert (found.rows[0].where("name"), found.source) == ("line 3, name", told)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"key,decision,name,version\nc0,keep,\xff\xfe\x80,v1", "neither UTF-8"),
        (b"key,decision,name,version\nc0,ke\0ep,a,v1", "NUL"),
        (b'key,decision,name,version\nc0,keep,"a,v1\nc1,drop,,v1', "line 2"),
        (b"", "no row of headings"),
        (b"hello", "no row of headings"),
        (b"key,decision,name,version\n" + b"c0,keep," + b"a" * 200_000 + b",v1", "line 2"),
        (b"key,decision,name,version\nc0,keep," + b"a" * 40_000 + b",v1", "longer than"),
        (b"name,keywords\na,b", "no column key"),
    ],
)
def test_what_is_no_table_is_refused(problems: Any, data: bytes, told: str) -> None:
    assert told in problems(data, "a.csv")[0].what


def test_ods_cells_are_read_with_their_repeats_and_without_remarks(read: Any) -> None:
    remark = (
        '<table:table-cell table:number-columns-repeated="1"><office:annotation><text:p>a remark'
        '</text:p></office:annotation><text:p>大<text:span>猫</text:span><text:s text:c="2"/>'
        "咪</text:p><text:p>two</text:p></table:table-cell>"
    )
    blank = '<table:table-cell table:number-columns-repeated="16000"/>'
    number = (
        '<table:table-cell office:value-type="float" office:value="520"><text:p>520.00</text:p>'
        "</table:table-cell>"
    )
    table = (
        ods_row(*HEAD, blank)
        + ods_row("c0", "keep", remark, "v1", blank)
        + ods_row(blank, more=' table:number-rows-repeated="50000"')
        + ods_row("c1", "keep", number, "v1")
    )
    rows = read(spreadsheet(table), "a.ods").rows
    assert [row.name for row in rows] == ["大猫  咪\ntwo", "520"]
    assert rows[0].where("name") == "clusters!C2"


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ('<table:table-cell table:formula="of:=[.A1]"><text:p>猫</text:p></table:table-cell>',
         "a formula stands here: =[.A1]"),
        ('<table:table-cell office:value-type="date" office:date-value="2026-03-08"/>', "a date"),
        ('<table:table-cell office:value-type="percentage" office:value="1"/>', "a number"),
        ('<table:table-cell table:number-rows-spanned="2"><text:p>a</text:p></table:table-cell>',
         "merged"),
    ],
)  # fmt: skip
def test_ods_cells_that_are_refused(problems: Any, cell: str, told: str) -> None:
    table = ods_row(*HEAD) + ods_row("c0", "keep", cell, "v1") + ods_row("c1", "drop", "", "v1")
    (found,) = problems(spreadsheet(table), "a.ods")
    assert found.where.startswith("clusters!C2")
    assert told in found.what


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'


def damaged(data: bytes) -> bytes:
    return data[: len(data) // 2]


def swollen() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"<workbook/>")
        packed.writestr("xl/_rels/workbook.xml.rels", b" " * (130 << 20))
    return target.getvalue()


def packed_otherwise() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("xl/workbook.xml", b"<workbook/>")
    return target.getvalue()


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for part in old.namelist():
            new.writestr(part, content if part == name else old.read(part))
    return target.getvalue()


def encrypted(data: bytes) -> bytes:
    """The archive with the bit of encryption set in every entry."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        start = changed.find(mark)
        while start >= 0:
            (bits,) = struct.unpack_from("<H", changed, start + offset)
            struct.pack_into("<H", changed, start + offset, bits | 1)
            start = changed.find(mark, start + 4)
    return bytes(changed)


SOUND = workbook([HEAD, ROW])
SAVED = Path(__file__).with_name("files").joinpath("filled.xlsx").read_bytes()
SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.xlsx", damaged(SOUND), "damaged"),
        ("a.xlsx", b"hello", "damaged"),
        ("a.xlsx", with_part(SOUND, SHEET, b"<worksheet><sheetData>"), "no sound XML"),
        ("a.xlsx", with_part(SOUND, SHEET, b"<!DOCTYPE a><worksheet/>"), "document type"),
        ("a.xlsx", with_part(SAVED, "xl/sharedStrings.xml", b"<sst/>"), "a cell has no text"),
        ("a.xlsx", swollen(), "takes more than 134 MB"),
        ("a.xlsx", packed_otherwise(), "as no spreadsheet program"),
        ("a.xlsx", encrypted(SOUND), "password"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "password"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "from before 2007"),
        ("a.pdf", b"%PDF", "'.pdf' aren't read"),
        ("a", b"", "without an ending"),
        ("a.ods", spreadsheet("", before=BOMB), "document type"),
        ("a.ods", spreadsheet("", manifest="<encryption-data/>"), "password"),
        ("a.ods", spreadsheet(ods_row(*HEAD) + ods_row(
            "c0", "keep", "a", "v1", more=' table:number-rows-repeated="90000000"')),
         "at most 100,000 rows"),
        ("a.ods", spreadsheet(ods_row(*HEAD) + ods_row(
            '<table:table-cell table:number-columns-repeated="90000000"><text:p>c0</text:p>'
            "</table:table-cell>")), "1,000 columns"),
    ],
)  # fmt: skip
def test_files_that_are_refused_whole(problems: Any, name: str, data: bytes, told: str) -> None:
    (found,) = problems(data, name)
    assert found.where == name
    assert told in found.what
    assert found.remedy


def test_a_file_of_very_many_elements_is_refused(
    problems: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_ELEMENTS", 1000)
    (found,) = problems(with_part(SOUND, SHEET, b"<a>" + b"<b/>" * 1000 + b"</a>"))
    assert "more than 1,000 elements" in found.what


def test_a_wrong_ending_is_no_reason_to_refuse_a_sound_sheet(read: Any) -> None:
    table = ods_row(*HEAD) + ods_row(*ROW)
    assert read(SOUND, "a.csv").rows == read(spreadsheet(table), "a.xlsx").rows


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="can't be read"):
        read_naming(tmp_path / "none.xlsx")
    with pytest.raises(StickerworksError, match="folder"):
        read_naming(tmp_path)
