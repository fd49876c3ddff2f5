"""A small sheet as somebody filled it in, with texts that programs like to change; what
LibreOffice made of it lies in files/ (`soffice --headless --convert-to`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from pipeline.tags.naming.rows import ADD, Naming, NamingRow
from pipeline.tags.naming.sheet.contents import Sheet, SheetRow

VERSION = "123456789012"  # all digits: a program may take it for a number

ROWS = (
    NamingRow(key="c0", decision="keep", name="谢谢", english="thanks", group="礼貌",
              aliases=("多谢", "a, b", "3Q"), note="line\nand line"),
    NamingRow(key="c1", decision="keep", name="666", english="1-2", note="=1+1"),
    NamingRow(key="c2", decision="merge", name="=HYPERLINK(1)", into="谢谢"),
    NamingRow(key="c3", decision="drop", note="' quoted"),
    NamingRow(key="c4", decision="block", name="@SUM(A1)", note="-1"),
    NamingRow(key="c5", note="undecided, \"in\" marks; 1e5"),
    NamingRow(key="t007", decision="keep", name="é_x0041_", english="TRUE", aliases=("007",)),
)  # fmt: skip
ADDED = (
    NamingRow(decision=ADD, name="打工人", keywords=("打工人上班", "=cmd|' /C calc'!A0"),
              words=("打工",), note="by hand"),
)  # fmt: skip
EXEMPLARS = ("=1+2", "+86", "谢谢, 老板", "\u202eabc", "12")


@dataclass(frozen=True)
class Filled:
    """A sheet, and what is read from it: its rows of proposals, and those added by hand."""

    sheet: Sheet
    rows: tuple[NamingRow, ...]
    added: tuple[NamingRow, ...]
    exemplars: tuple[str, ...]


@pytest.fixture(scope="session")
def filled() -> Filled:
    rows, added = (tuple(replace(row, version=VERSION) for row in some) for some in (ROWS, ADDED))
    return Filled(_sheet_of(Naming("", (*ROWS, *ADDED)), VERSION), rows, added, EXEMPLARS)


@pytest.fixture(scope="session")
def sheet_of() -> Callable[[Naming, str], Sheet]:
    return _sheet_of


def _sheet_of(naming: Naming, version: str) -> Sheet:
    """A sheet on which the naming was filled in."""
    rows = tuple(
        SheetRow(
            replace(row, version=version),
            suggested="=1+1",
            terms=("-2", "猫"),
            exemplars=EXEMPLARS,
            keywords=3,
            stickers=1,
            flags=("singleton",),
        )
        for row in naming.rows
        if row.key
    )
    return Sheet(version, rows, tuple(row for row in naming.rows if not row.key), 4)
