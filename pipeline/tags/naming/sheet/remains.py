"""What stays of a sheet or a saved page that has to go: the decisions, without what went."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from pathlib import Path

from pipeline.tags.naming.reading import read_naming
from pipeline.tags.naming.rows import NamingRow
from pipeline.tags.naming.sheet.columns import ANSWERS, BY_HAND, NOTE, SHOWN, VERSION
from pipeline.tags.naming.sheet.comma_separated import sheet_csv
from pipeline.tags.naming.sheet.contents import Sheet, SheetRow
from pipeline.tags.naming.sheet.write import is_untouched

_KNOWN_BY = tuple(column for column in SHOWN if column.name in ("key", "exemplars"))
_COLUMNS = (*_KNOWN_BY, *ANSWERS, *BY_HAND, NOTE, VERSION)


def remaining_decisions(path: Path, gone: Collection[str]) -> bytes | None:
    """A table of what was decided in a file, as CSV; None where nobody has filled it in.

    No text in it holds a word that is ``gone``; pictures, terms and suggestions aren't in it.
    Raises StickerworksError where the file can't be read as a naming.
    """
    if is_untouched(path):
        return None
    naming = read_naming(path)
    rows = [_without(row, gone) for row in naming.rows]
    if not any(row.decision or row.name or row.note for row in rows):
        return None
    shown = tuple(SheetRow(row, exemplars=row.exemplars) for row in rows)
    return sheet_csv(Sheet("", shown), _COLUMNS)


def _without(row: NamingRow, gone: Collection[str]) -> NamingRow:
    def stays(text: str) -> bool:
        return not any(word in text for word in gone)

    kept: dict[str, str | tuple[str, ...]] = {}
    for column in fields(row):
        value = getattr(row, column.name)
        if column.name in ("key", "version", "decision", "cells"):
            continue
        kept[column.name] = (
            tuple(filter(stays, value))
            if isinstance(value, tuple)
            else value
            if stays(value)
            else ""
        )
    return replace(row, **kept)  # type: ignore[arg-type]
