"""Sheets of .xlsx files, cell by cell, without what else a workbook may hold."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from pipeline.tags.naming.grid.archive import (
    DAMAGED,
    Archive,
    forget,
    local_name,
)
from pipeline.tags.naming.grid.cells import (
    DATE_FAULT,
    NUMBER_FAULT,
    Cell,
    Fault,
    Grid,
    UnreadableError,
    formula_fault,
    number_text,
    text_cell,
)

_WORKBOOK = "xl/workbook.xml"
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def read_xlsx(data: bytes) -> list[Grid]:
    """All worksheets, in order; UnreadableError for what is no workbook."""
    archive = Archive(data)
    if not archive.has(_WORKBOOK):
        raise UnreadableError("it is no .xlsx workbook", "Save it as .xlsx, .ods or .csv")
    shared = list(_shared_texts(archive))
    styles = _styles(archive)
    return [
        _read_sheet(archive, part, Grid(name), shared, styles) for name, part in _sheets(archive)
    ]


def _sheets(archive: Archive) -> Iterator[tuple[str, str]]:
    """Names and parts of the worksheets; charts and macros are passed over."""
    targets = {}
    for event, element in archive.events("xl/_rels/workbook.xml.rels"):
        is_one = event == "end" and local_name(element) == "Relationship"
        if is_one and (element.get("Type") or "").endswith("/worksheet"):
            targets[element.get("Id")] = element.get("Target") or ""
    for event, element in archive.events(_WORKBOOK):
        if event == "end" and local_name(element) == "sheet":
            target = targets.get(next(_relations(element), ""))
            if target is not None:
                part = target[1:] if target.startswith("/") else posixpath.join("xl", target)
                yield element.get("name") or "", posixpath.normpath(part)


def _relations(element: Any) -> Iterator[str]:
    return (str(v) for k, v in element.attrib.items() if k.endswith("}id"))


def _shared_texts(archive: Archive) -> Iterator[str]:
    if not archive.has("xl/sharedStrings.xml"):
        return
    for event, element in archive.events("xl/sharedStrings.xml"):
        if event == "end" and local_name(element) == "si":
            yield _text_of(element)
            forget(element)


def _text_of(element: Any) -> str:
    """The text of a shared or inline string: its runs, without how they are pronounced."""
    pieces: list[str] = []
    for child in element:
        if local_name(child) == "t":
            pieces.append(child.text or "")
        elif local_name(child) == "r":
            pieces += [t.text or "" for t in child if local_name(t) == "t"]
    return _unescaped("".join(pieces))


def _unescaped(text: str) -> str:
    """Excel writes what XML can't hold as _x000D_, and an underscore before such as _x005F_."""
    if "_x" not in text:
        return text
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: _sign(found[1]), text)


def _sign(code: str) -> str:
    sign = chr(int(code, 16))
    return "" if "\ud800" <= sign <= "\udfff" or sign == "\0" else sign


def _styles(archive: Archive) -> dict[int, Fault]:
    """Styles of cells that show a number as something else, and what is wrong with such cells."""
    from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

    if not archive.has("xl/styles.xml"):
        return {}
    formats = dict(BUILTIN_FORMATS)
    faults: dict[int, Fault] = {}
    for event, element in archive.events("xl/styles.xml"):
        if event != "end":
            continue
        if local_name(element) == "numFmt" and (element.get("numFmtId") or "").isdecimal():
            formats[int(element.get("numFmtId"))] = (element.get("formatCode") or "")[:255]
        elif local_name(element) == "cellXfs":
            for number, style in enumerate(element):
                code = style.get("numFmtId") or "0"
                shown = formats.get(int(code), "") if code.isdecimal() else ""
                if is_date_format(shown):
                    faults[number] = DATE_FAULT
                elif any(sign in shown for sign in ("%", "E+", "?/")):
                    faults[number] = NUMBER_FAULT
    return faults


def _read_sheet(
    archive: Archive, part: str, grid: Grid, shared: list[str], styles: dict[int, Fault]
) -> Grid:
    row = -1
    column = -1
    for event, element in archive.events(part):
        name = local_name(element)
        if event == "start" and name == "row":
            told = element.get("r") or ""
            row = int(told) - 1 if told.isdecimal() and len(told) < 9 else row + 1
            column = -1
        elif event == "end" and name == "c":
            column = _column(element.get("r"), column + 1)
            grid.put(row, column, _cell(element, shared, styles))
        elif event == "end" and name == "row":
            forget(element)
        elif event == "end" and name == "mergeCell":
            grid.merge(*_range(element.get("ref") or ""))
    return grid


def _column(reference: str | None, following: int) -> int:
    found = _REFERENCE.fullmatch(reference or "")
    if found is None:
        return following
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _range(reference: str) -> tuple[int, int, int, int]:
    first, _, last = reference.partition(":")
    found = [_REFERENCE.fullmatch(corner) for corner in (first, last or first)]
    if found[0] is None or found[1] is None:
        raise UnreadableError(f"{DAMAGED}: cells {reference[:40]!r} are merged", "Unmerge them")
    top, bottom = (int(corner[2]) - 1 for corner in found if corner)
    return top, _column(first, 0), bottom, _column(last or first, 0)


def _cell(element: Any, shared: list[str], styles: dict[int, Fault]) -> Cell:
    value = formula = None
    inline = ""
    for child in element:
        name = local_name(child)
        if name == "v":
            value = child.text or ""
        elif name == "f":
            formula = child.text or ""
        elif name == "is":
            inline = _text_of(child)
    if formula is not None:
        return Cell(fault=formula_fault(formula or value or ""))
    kind = element.get("t") or "n"
    if kind == "s":
        return text_cell(_shared(value or "", shared))
    if kind in ("inlineStr", "str"):
        return text_cell(inline or _unescaped(value or ""))
    return _valued(kind, (value or "").strip(), element.get("s") or "0", styles)


def _valued(kind: str, value: str, style: str, styles: dict[int, Fault]) -> Cell:
    """A cell that holds something else than a text."""
    if not value:
        return Cell()
    if kind == "e":
        return Cell(fault=Fault(f"an error stands here: {value[:20]}", "Type the text"))
    if kind == "b":
        return Cell("TRUE" if value == "1" else "FALSE")
    if kind == "d":
        return Cell(fault=DATE_FAULT)
    fault = styles.get(int(style)) if style.isdecimal() else None
    return Cell(fault=fault) if fault else Cell(number_text(value))


def _shared(number: str, shared: list[str]) -> str:
    place = int(number) if number.strip().isdecimal() and len(number) < 12 else -1
    if not 0 <= place < len(shared):
        raise UnreadableError(
            f"{DAMAGED}: a cell has no text", "Open it in a spreadsheet program and save it again"
        )
    return shared[place]
