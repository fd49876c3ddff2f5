"""The sheet as a CSV file: clusters, then tags added by hand as rows without a key."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from pipeline.tags.naming.guarding import guard
from pipeline.tags.naming.sheet.columns import ONE_TABLE, Column, Value
from pipeline.tags.naming.sheet.contents import Sheet, SheetRow


def sheet_csv(sheet: Sheet, columns: Sequence[Column] = ONE_TABLE) -> bytes:
    """UTF-8 with the mark by which Excel knows it; no text in it becomes a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    for row in (*sheet.rows, *map(SheetRow, sheet.added)):
        # What is counted of proposals is not known of tags added by hand.
        values = (column.value(row) for column in columns)
        writer.writerow([_cell(value, bool(row.filled.key)) for value in values])
    return text.getvalue().encode("utf-8-sig", "replace")


def _cell(value: Value, counted: bool) -> Value:
    if isinstance(value, int):
        return value if counted else ""
    return guard(value.replace("\0", ""))
