"""What people filled in, read from the file that they saved, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path, read_regular
from pipeline.engine.text import plain
from pipeline.tags.naming.grid.cells import MOST_BYTES, Cell, Grid, UnreadableError, tidy
from pipeline.tags.naming.guarding import unguard
from pipeline.tags.naming.headings import (
    PURPOSES,
    Headings,
    count_headings,
    find_headings,
    heading_problems,
)
from pipeline.tags.naming.lists import split_list
from pipeline.tags.naming.lost import is_added, lost_characters, renamed_columns, unread_tables
from pipeline.tags.naming.rows import ADD, COLUMNS, Naming, NamingError, NamingRow, Problem

FORMATS = (".xlsx", ".ods", ".csv", ".tsv", ".json")
_LISTS = ("aliases", "keywords", "words", "exemplars")
_ADDS = ("", ADD, "added", "keep", "新增", "添加", "保留")
_BLANK = Cell()

Table = tuple[Grid, Headings]


def read_naming(path: Path) -> Naming:
    """The rows of a filled-in sheet (.xlsx, .ods, .csv, .tsv) or of a page's file (.json).

    Raises NamingError with all that can't be read as a row, cell by cell, and StickerworksError
    where there is no such file.
    """
    path = named_path(path, "the sheet")
    suffix = path.suffix.lower()
    if suffix == ".json":
        from pipeline.tags.naming.saved import read_saved_naming

        return read_saved_naming(path)
    try:
        grids, encoding = _grids(read_bytes(path), suffix)
    except UnreadableError as error:
        raise NamingError(path.name, [Problem(path.name, error.what, error.remedy)]) from error
    source = path.name if encoding is None else f"{path.name} (read as {encoding})"
    rows, problems = _rows(grids, path.name)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        problems += lost_characters(grids, encoding, rows)
    if problems:
        raise NamingError(source, problems)
    return Naming(source, tuple(rows))


def read_bytes(path: Path) -> bytes:
    """The bytes of a file that is no larger than a sheet may be."""
    try:
        return read_regular(path, MOST_BYTES)
    except OSError as error:
        raise StickerworksError(
            f"{plain(str(path))} can't be read: {error.strerror or error}.",
            "Name a filled-in sheet (.xlsx, .ods, .csv) or a page's file (.json).",
        ) from error


def _grids(data: bytes, suffix: str) -> tuple[list[Grid], str | None]:
    from pipeline.tags.naming.grid.archive import Archive
    from pipeline.tags.naming.grid.delimited import read_delimited
    from pipeline.tags.naming.grid.ods import read_ods
    from pipeline.tags.naming.grid.xlsx import read_xlsx

    if suffix not in (*FORMATS, ".xlsm", ".xls", ".txt"):
        told = f"files that end in {suffix!r}" if suffix else "files without an ending"
        raise UnreadableError(f"{told} aren't read", f"Save it as {', '.join(FORMATS[:3])}")
    if suffix == ".xls" or data.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableError(
            "it has Excel's format from before 2007, or is protected by a password",
            "Save it as .xlsx, without a password",
        )
    # A wrong ending is no reason to refuse a sound sheet.
    if data.startswith(b"PK"):
        is_ods = Archive(data).has("content.xml")
        return (read_ods(data) if is_ods else read_xlsx(data)), None
    if suffix in (".xlsx", ".xlsm", ".ods"):
        raise UnreadableError("the file is damaged: it is no zip archive", "Save it again")
    grid, encoding = read_delimited(data, count_headings)
    return [grid], encoding


def _rows(grids: Sequence[Grid], file: str) -> tuple[list[NamingRow], list[Problem]]:
    heads = [find_headings(grid) for grid in grids]
    tables = [(grid, found) for grid, found in zip(grids, heads, strict=True) if found is not None]
    keyed = [table for table in tables if "key" in table[1].columns]
    added = [table for table in tables if is_added(table[1])]
    if problems := list(_table_problems(tables, keyed, file)):
        return [], problems
    problems += unread_tables(grids, heads)
    rows: list[NamingRow] = []
    for grid, headings in (*keyed, *added):
        problems += heading_problems(grid, headings)
        problems += renamed_columns(grid, headings)
        for row in sorted(number for number in grid.rows if number > headings.row):
            problems += _cell_problems(grid, headings, row)
            rows.append(_row(grid, headings, row))
    rows = [row for row in rows if not _is_blank(row)]
    problems += _row_problems(rows)
    versions = {row.version for row in rows if row.version} or set(_noted_versions(grids))
    if not versions and not problems:
        where = ", ".join(grid.name or file for grid, _ in keyed)
        is_there = any("version" in headings.columns for _, headings in keyed)
        problems.append(_missing(where, "version", is_blank=is_there))
    if len(versions) == 1:
        (version,) = versions
        rows = [replace(row, version=row.version or version) for row in rows]
    return [_as_added(row) for row in rows], problems


def _table_problems(
    tables: Sequence[Table], keyed: Sequence[Table], file: str
) -> Iterator[Problem]:
    """Why it isn't plain which table is the one of clusters, and columns that it lacks."""
    if not tables:
        yield Problem(
            file,
            f"no row of headings with {', '.join(PURPOSES)} was found in it",
            "Write a new sheet with `stickerworks tags sheet FILE` and fill that in",
        )
    elif len(keyed) > 1:
        first, *others = (grid.name for grid, _ in keyed)
        yield Problem(
            ", ".join(others),
            f"this sheet has clusters too, as {first!r} has",
            "Keep the one that was filled in and delete the other",
        )
    else:
        grid, headings = keyed[0] if keyed else tables[0]
        for name in PURPOSES:
            if name not in headings.columns and name != "version":
                yield _missing(grid.name or file, name)


def _missing(where: str, column: str, *, is_blank: bool = False) -> Problem:
    told = f"the column {column} is blank" if is_blank else f"there is no column {column}"
    return Problem(
        where,
        f"{told} ({PURPOSES[column]})",
        "Take it over from the sheet as it was written, or write a new one with "
        "`stickerworks tags sheet NEW --from FILE`",
    )


def _cell_problems(grid: Grid, headings: Headings, row: int) -> Iterator[Problem]:
    for name, column in headings.columns.items():
        cell = grid.rows[row].get(column, _BLANK)
        if cell.fault is not None:
            yield Problem(grid.where(row, column, name), cell.fault.what, cell.fault.remedy)


def _row(grid: Grid, headings: Headings, row: int) -> NamingRow:
    cells = grid.rows[row]
    texts = {
        name: tidy(unguard(cells.get(at, _BLANK).text)) for name, at in headings.columns.items()
    }
    lists = {name: split_list(texts.pop(name)) for name in _LISTS if name in texts}
    wheres = {
        name: grid.where(row, at, name) for name, at in headings.columns.items() if name in COLUMNS
    }
    return NamingRow(**texts, **lists, cells=wheres)  # type: ignore[arg-type]


def _is_blank(row: NamingRow) -> bool:
    """Whether nothing was filled in: neither rows in reserve nor what stands below count."""
    return not row.exemplars and not any(
        getattr(row, column) for column in COLUMNS if column != "version"
    )


def _row_problems(rows: Sequence[NamingRow]) -> Iterator[Problem]:
    for row in rows:
        if row.key:
            continue
        if row.exemplars:
            yield Problem(
                row.where("key"),
                "the row's key is gone",
                "Take it over from the sheet as it was written, or delete the row's exemplars to "
                "add a tag by hand",
            )
        elif row.decision.casefold() not in _ADDS:
            yield Problem(
                row.where("decision"),
                f"there is nothing to {row.decision[:40]!r}: the row has no key",
                "Leave it blank to add a tag, or give the row its key",
            )


def _noted_versions(grids: Sequence[Grid]) -> Iterator[str]:
    """The version as the page of instructions says it: the word, and beside it the version."""
    for grid in grids:
        for cells in grid.rows.values():
            texts = [cell.text for _, cell in sorted(cells.items())]
            if len(texts) == 2 and texts[0].casefold() == "version":
                yield texts[1]


def _as_added(row: NamingRow) -> NamingRow:
    return row if row.key else replace(row, decision=ADD)
