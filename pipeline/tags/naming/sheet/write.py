"""Writing a sheet, as a workbook and beside it as CSV, without taking anybody's work away."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import disk_errors
from pipeline.engine.text import plain
from pipeline.tags.naming.reading import read_bytes
from pipeline.tags.naming.sheet.contents import Sheet
from pipeline.tags.naming.sheet.packing import packed_mark
from pipeline.tags.naming.targets import written_over


def sheet_paths(file: Path) -> tuple[Path, Path]:
    """The workbook and the CSV file beside it."""
    return file.with_suffix(".xlsx"), file.with_suffix(".csv")


def check_untouched(workbook: Path, table: Path) -> None:
    """Refuse to write over files that somebody may have filled in."""
    there = [path for path in (workbook, table) if path.exists()]
    if not there:
        return
    mark = packed_mark(read_bytes(workbook)) if workbook.exists() else None
    if mark is not None and (not table.exists() or _mark(read_bytes(table)) == mark):
        return
    first = plain(str(there[0]))
    raise written_over(
        there,
        "somebody may have filled in what is there",
        f"Apply it (`stickerworks tags apply {first}`), or name a new file and take it over "
        f"(`stickerworks tags sheet NEW.xlsx --from {first}`), or move it away.",
    )


def write_sheet(sheet: Sheet, workbook: Path, table: Path) -> None:
    """Write both files, each whole or not at all."""
    from pipeline.tags.naming.sheet.comma_separated import sheet_csv
    from pipeline.tags.naming.sheet.workbook import sheet_xlsx

    text = sheet_csv(sheet)
    data = sheet_xlsx(sheet, _mark(text))
    # Until the new table is there, there is none: whatever stands beside a workbook and isn't what
    # it was written with is taken for somebody's work.
    with disk_errors(table, "Name another file."):
        table.unlink(missing_ok=True)
    for path, content in ((workbook, data), (table, text)):
        with atomic_file(path) as temporary:
            temporary.write_bytes(content)


def _mark(table: bytes) -> str:
    return hashlib.sha256(table).hexdigest()
