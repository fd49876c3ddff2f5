"""Sheets of .ods files (OpenDocument, ODF 1.3 part 3 section 9), cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.tags.naming.grid.archive import Archive, attribute, forget, local_name
from pipeline.tags.naming.grid.cells import (
    DATE_FAULT,
    MOST_CHARS,
    MOST_COLUMNS,
    MOST_ROWS,
    NUMBER_FAULT,
    Cell,
    Grid,
    UnreadableError,
    formula_fault,
    number_text,
    text_cell,
)

_KIND = b"application/vnd.oasis.opendocument.spreadsheet"
_MANIFEST = "META-INF/manifest.xml"
_FAULTS = {
    "date": DATE_FAULT, "time": DATE_FAULT, "percentage": NUMBER_FAULT, "currency": NUMBER_FAULT
}  # fmt: skip
# Remarks and drawings in a cell have paragraphs of their own.
_TEXTS = ("span", "a", "ruby", "ruby-base", "bookmark", "meta")


def read_ods(data: bytes) -> list[Grid]:
    """All sheets, in order; UnreadableError for what is no spreadsheet."""
    archive = Archive(data)
    if not archive.has("content.xml") or not archive.read("mimetype").strip().startswith(_KIND):
        raise UnreadableError("it is no .ods spreadsheet", "Save it as .xlsx, .ods or .csv")
    if archive.has(_MANIFEST) and b"encryption-data" in archive.read(_MANIFEST):
        raise UnreadableError("it is protected by a password", "Save it without one")
    grids: list[Grid] = []
    row, inside = 0, False
    for event, element in archive.events("content.xml"):
        name = local_name(element)
        if name == "table":
            parent = element.getparent()
            inside = event == "start" and parent is not None and local_name(parent) == "spreadsheet"
            if inside:
                grids.append(Grid(attribute(element, "name") or f"sheet {len(grids) + 1}"))
                row = 0
        elif name == "table-row" and event == "end" and inside:
            row += _read_row(grids[-1], row, element)
            forget(element)
    return grids


def _read_row(grid: Grid, row: int, element: Any) -> int:
    """Put the cells of a row, as often as it is repeated, and return how often that is."""
    times = _count(element, "number-rows-repeated")
    cells = list(_row_cells(element))
    if cells:
        for again in range(times):
            for column, span, cell in cells:
                if span is not None:
                    grid.merge(row + again, column, row + again + span[0], column + span[1])
                grid.put(row + again, column, cell)
    return times


def _row_cells(element: Any) -> Iterator[tuple[int, tuple[int, int] | None, Cell]]:
    """Columns, further rows and columns that are merged into it, and cells that hold something."""
    column = 0
    for child in element:
        if local_name(child) not in ("table-cell", "covered-table-cell"):
            continue
        times = _count(child, "number-columns-repeated")
        rows, columns = (_count(child, f"number-{what}-spanned") for what in ("rows", "columns"))
        span = (rows - 1, columns - 1) if rows * columns > 1 else None
        cell = _cell(child)
        if cell.text or cell.fault or span:
            for place in range(column, min(column + times, MOST_COLUMNS + 1)):
                yield place, span, cell
        column += times


def _count(element: Any, name: str) -> int:
    told = attribute(element, name) or "1"
    return min(int(told), MOST_ROWS * 10) if told.isdecimal() and len(told) < 10 else 1


def _cell(element: Any) -> Cell:
    formula = attribute(element, "formula")
    if formula is not None:
        return Cell(fault=formula_fault(formula.partition(":")[2] or formula))
    kind = attribute(element, "value-type") or ""
    if kind in _FAULTS:
        return Cell(fault=_FAULTS[kind])
    if kind == "boolean":
        return Cell((attribute(element, "boolean-value") or "").upper())
    if kind == "float":
        return Cell(number_text(attribute(element, "value") or ""))
    told = attribute(element, "string-value")
    paragraphs = (_paragraph(child) for child in element if local_name(child) == "p")
    return text_cell("\n".join(paragraphs) if told is None else told)


def _paragraph(element: Any) -> str:
    pieces = [element.text or ""]
    for child in element:
        name = local_name(child)
        if name == "s":
            pieces.append(" " * min(_count(child, "c"), MOST_CHARS))
        elif name == "tab":
            pieces.append("\t")
        elif name == "line-break":
            pieces.append("\n")
        elif name in _TEXTS:
            pieces.append(_paragraph(child))
        pieces.append(child.tail or "")
    return "".join(pieces)
