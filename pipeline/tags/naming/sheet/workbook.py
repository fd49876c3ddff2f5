"""The sheet as an XLSX workbook: clusters, tags added by hand, and how to fill them in."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.drawing.image import Image
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from pipeline.tags.naming.grid.cells import MOST_CHARS
from pipeline.tags.naming.guarding import guard_again
from pipeline.tags.naming.rows import DECISIONS
from pipeline.tags.naming.sheet.columns import ADDED, CLUSTERS, Column, Value
from pipeline.tags.naming.sheet.contents import Sheet, SheetRow
from pipeline.tags.naming.sheet.how_to import TITLE, how_to
from pipeline.tags.naming.sheet.packing import pack
from pipeline.tags.naming.sheet.strips import draw_strip

_SPARE_ROWS = 50
_ROW_POINTS = 66
_MARGIN = 3
_EMU_PER_PIXEL = 9525
# What XML can't hold, and underscores that Excel would read as the code of a character.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CODE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")

_HEAD = PatternFill("solid", fgColor="FF44546A")
_HEAD_FILLED = PatternFill("solid", fgColor="FFBF8F00")
_FILLED = PatternFill("solid", fgColor="FFFFF8DC")
_FLAGS = {
    "oversized": PatternFill("solid", fgColor="FFF8CBAD"),
    "blocked": PatternFill("solid", fgColor="FFE6B8B7"),
    "singleton": PatternFill("solid", fgColor="FFE0E0E0"),
}
_DECIDED = {"keep": "FFC6E0B4", "merge": "FFBDD7EE", "drop": "FFD9D9D9", "block": "FFE6B8B7"}
_LINE = Side(style="thin", color="FFD0D0D0")
_BORDER = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_WRAPPED = Alignment(wrap_text=True, vertical="top")
_MIDDLE = Alignment(wrap_text=True, vertical="center")
_PLAIN = Alignment(vertical="top")
_QUIET = Font(color="FF808080", size=9)


def sheet_xlsx(sheet: Sheet, mark: str = "") -> bytes:
    """The workbook's bytes, the same for the same sheet; ``mark`` is put in by ``pack``."""
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    clusters = workbook.create_sheet("clusters")
    _fill(clusters, CLUSTERS, sheet.rows)
    _show_pictures(clusters, sheet.rows)
    _offer_decisions(clusters, len(sheet.rows))
    added = workbook.create_sheet("added")
    _fill(added, ADDED, [*map(SheetRow, sheet.added)], _SPARE_ROWS)
    _explain(workbook.create_sheet("how to"), sheet)
    written = io.BytesIO()
    workbook.save(written)
    return pack(written.getvalue(), mark)


def fitting(text: str) -> str:
    """Text as a cell can hold it; a list that is too long loses whole texts at its end."""
    text = _CODE.sub("_x005F_", _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text))
    if len(text) <= MOST_CHARS:
        return text
    return text[: max(text.rfind(", ", 0, MOST_CHARS), 0) or MOST_CHARS]


def _fill(sheet: Any, columns: Sequence[Column], rows: Sequence[SheetRow], spare: int = 0) -> None:
    for number, column in enumerate(columns, 1):
        cell = sheet.cell(1, number, column.name)
        cell.font = Font(bold=True, color="FFFFFFFF")
        cell.fill = _HEAD_FILLED if column.filled else _HEAD
        cell.alignment = _MIDDLE
        sheet.column_dimensions[get_column_letter(number)].width = column.width
        for place, row in enumerate(rows, 2):
            _write(sheet.cell(place, number), column, column.value(row), row)
        for place in range(len(rows) + 2, len(rows) + 2 + spare):
            _write(sheet.cell(place, number), column, "", None)
    sheet.row_dimensions[1].height = 30
    frozen = 2 if columns[0].name == "key" else 1
    sheet.freeze_panes = sheet.cell(2, frozen)
    last = get_column_letter(len(columns))
    sheet.auto_filter.ref = f"A1:{last}{max(2, len(rows) + 1 + spare)}"
    _print_wide(sheet)
    sheet.print_title_rows = "1:1"


def _write(cell: Any, column: Column, value: Value, row: SheetRow | None) -> None:
    if isinstance(value, int):
        cell.value = value
    elif value:
        # As a text whatever it begins with: a keyword is nobody's formula.
        cell.value = fitting(guard_again(value))
        cell.data_type = "s"
        cell.quotePrefix = value[0] in "=+-@\t\r"
    cell.alignment, cell.border = _WRAPPED, _BORDER
    if column.filled:
        cell.fill, cell.number_format = _FILLED, "@"
        cell.protection = Protection(locked=False)
    elif column.name in ("key", "version"):
        cell.font = _QUIET
    if row is not None and column.name in ("key", "flags", "keyword count"):
        flag = next((flag for flag in _FLAGS if flag in row.flags), None)
        if flag:
            cell.fill = _FLAGS[flag]


def _show_pictures(sheet: Any, rows: Sequence[SheetRow]) -> None:
    """A strip of pictures within its cell, so that it goes along when rows are sorted."""
    column = next(n for n, c in enumerate(CLUSTERS) if c.name == "stickers")
    for place, row in enumerate(rows, 2):
        sheet.row_dimensions[place].height = _ROW_POINTS
        if not row.pictures:
            continue
        strip, width, height = draw_strip(row.pictures)
        image = Image(io.BytesIO(strip))
        start, end = (
            AnchorMarker(column, x * _EMU_PER_PIXEL, place - 1, y * _EMU_PER_PIXEL)
            for x, y in ((_MARGIN, _MARGIN), (_MARGIN + width, _MARGIN + height))
        )
        image.anchor = TwoCellAnchor(editAs="twoCell", _from=start, to=end)
        sheet.add_image(image)


def _offer_decisions(sheet: Any, count: int) -> None:
    letter = get_column_letter(1 + next(n for n, c in enumerate(CLUSTERS) if c.name == "decision"))
    cells = f"{letter}2:{letter}{max(2, count + 1)}"
    choice = DataValidation("list", formula1=f'"{",".join(DECISIONS)}"', allow_blank=True)
    choice.error, choice.errorTitle = f"One of {', '.join(DECISIONS)}", "decision"
    choice.showErrorMessage = True
    sheet.add_data_validation(choice)
    choice.add(cells)
    for decision, colour in _DECIDED.items():
        style = DifferentialStyle(fill=PatternFill("solid", bgColor=colour))
        rule = Rule("cellIs", operator="equal", formula=[f'"{decision}"'], dxf=style)
        sheet.conditional_formatting.add(cells, rule)


def _explain(sheet: Any, contents: Sheet) -> None:
    sheet.column_dimensions["A"].width = 16
    sheet.column_dimensions["B"].width = 100
    for place, (term, text) in enumerate(how_to(contents), 1):
        for number, value in enumerate((term, text), 1):
            cell = sheet.cell(place, number)
            if value:
                cell.value = fitting(value)
                cell.data_type = "s"
            cell.alignment = _PLAIN if value == TITLE else _WRAPPED
        sheet.cell(place, 1).font = Font(bold=True, size=14 if term == TITLE else 11)
        sheet.row_dimensions[place].height = 15 * max(1, -(-len(text) // 105)) + 3
    sheet.sheet_view.showGridLines = False
    _print_wide(sheet)


def _print_wide(sheet: Any) -> None:
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
