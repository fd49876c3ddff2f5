"""Rows of a table in a file (CSV, TSV, JSON lines, Parquet, lines), read in bounded memory."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from crawlers.local.walk import open_regular, reason
from crawlers.names import encode_name
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import one_line

KINDS = {
    "csv": "csv",
    "json": "jsonl",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "tsv": "tsv",
    "txt": "txt",
}
"""Kinds of files by the extension of their names."""

_MOST_BYTES = 2**20  # of a line
_MOST_COLUMNS = 1000
_ROWS_AT_ONCE = 1024
_LOOKED_AT = 2**22  # bytes in which the encoding shows
_BOM = b"\xef\xbb\xbf"
_NO_TEXT = (
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"\x1f\x8b", "compressed"),
    (b"PK\x03\x04", "compressed"),
    (b"PAR1", "Parquet"),
)


@dataclass(frozen=True)
class Row:
    """A row, the number of its line (in Parquet of the row) from 1, or why it can't be read."""

    place: int
    values: Mapping[str, Any]
    problem: str | None = None


def read_rows(path: Path, kind: str, encoding: str) -> Iterator[Row]:
    """Rows of a file of that kind (a value of KINDS), in their order.

    A line that can't be read is a row with its problem. Raises StickerworksError, which names the
    file and where in it, when the file as a whole can't be.
    """
    try:
        with open_regular(path) as file:
            if kind == "parquet":
                yield from _parquet(file, path)
                return
            _check_text(file, path)
            lines = _Lines(file, encoding)
            if kind in ("csv", "tsv"):
                yield from _separated(lines, path, "," if kind == "csv" else "\t")
            else:
                yield from _by_line(lines, _object if kind == "jsonl" else _address)
    except OSError as error:
        raise StickerworksError(
            f"Could not read {encode_name(str(path))}: {reason(error)}.",
            "Check crawl.sources[].options.path.",
        ) from error


def encoding_of(path: Path) -> str:
    """``utf-8``, or ``gb18030`` where the lines at the beginning are no UTF-8, but are that."""
    try:
        with open_regular(path) as file:
            lines = file.read(_LOOKED_AT).removeprefix(_BOM).split(b"\n")
    except OSError:
        return "utf-8"  # whoever reads it says so
    lines = [line for line in lines[:-1] or lines if not line.isascii()]
    other = [line for line in lines if not _decodes(line, "utf-8")]
    # Damage in a line or two makes no other encoding, and some words of GB18030 look like UTF-8.
    known = sum(_decodes(line, "gb18030") for line in other)
    return "gb18030" if known * 2 > len(lines) - len(other) else "utf-8"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _check_text(file: BinaryIO, path: Path) -> None:
    head = file.read(4)
    file.seek(0)
    for prefix, what in _NO_TEXT:
        if head.startswith(prefix):
            raise StickerworksError(
                f"{encode_name(str(path))} is {what}, not a text of lines.",
                "Save it as UTF-8, unpack it, or name its kind in crawl.sources[].options.format.",
            )


class _Lines:
    """Lines of a file as texts, ``number`` of the last one, and ``problems`` of those that failed.

    A line that fails is an empty text, so that lines stay where they are.
    """

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self.number = 0
        self.problems: list[Row] = []

    def __iter__(self) -> Iterator[str]:
        read = self._file.readline
        while line := read(_MOST_BYTES + 1):
            self.number += 1
            if self.number == 1:
                line = line.removeprefix(_BOM)
            yield self._decoded(line)

    def _decoded(self, line: bytes) -> str:
        if len(line) > _MOST_BYTES:
            while line and not line.endswith(b"\n"):
                line = self._file.readline(_MOST_BYTES)
            return self._failed(f"it has more than {_MOST_BYTES} bytes")
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError:
            return self._failed(f"it is no {self._encoding}")

    def _failed(self, problem: str) -> str:
        self.problems.append(Row(self.number, {}, problem))
        return "\n"

    def failed(self) -> list[Row]:
        """What failed since the last time."""
        problems, self.problems = self.problems, []
        return problems


def _separated(lines: _Lines, path: Path, delimiter: str) -> Iterator[Row]:
    """Rows of a table whose first line names the columns."""
    # Strict: a quotation mark that is never closed would swallow the rows behind it unseen.
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        first = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield from lines.failed()
            until = f" to line {lines.number}" if lines.number > first else ""
            yield Row(first, {}, f"it can't be read{until}: {one_line(error)}")
            continue
        yield from lines.failed()
        if not fields:
            continue
        if header is None:
            header = _header(fields, path)
        else:
            yield _row(first, header, fields)
    yield from lines.failed()


def _header(fields: list[str], path: Path) -> list[str]:
    if len(fields) > _MOST_COLUMNS:
        raise StickerworksError(
            f"{encode_name(str(path))}:1 names {len(fields)} columns, more than {_MOST_COLUMNS}.",
            "Leave out what a sticker's row doesn't need.",
        )
    return [field.strip() for field in fields]


def _row(place: int, header: list[str], fields: list[str]) -> Row:
    while len(fields) > len(header) and not fields[-1].strip():
        fields.pop()
    if len(fields) > len(header):
        return Row(place, {}, f"it has {len(fields)} fields, and the first line {len(header)}")
    values: dict[str, str] = {}
    for name, field in zip(header, fields, strict=False):
        values.setdefault(name, field)
    return Row(place, values)


def _by_line(lines: _Lines, read: Any) -> Iterator[Row]:
    for line in lines:
        yield from lines.failed()
        if line.strip():
            yield read(lines.number, line)
    yield from lines.failed()


def _address(place: int, line: str) -> Row:
    return Row(place, {"url": line.strip()})


def _object(place: int, line: str) -> Row:
    try:
        # NaN and the like are no JSON, and tables of others take them for numbers.
        value = json.loads(line, parse_constant=lambda name: None)
    except (ValueError, RecursionError) as error:
        return Row(place, {}, f"it is no JSON ({one_line(error)})")
    return Row(place, value) if isinstance(value, dict) else Row(place, {}, "it is no JSON object")


def _parquet(file: BinaryIO, path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    try:
        table = pq.ParquetFile(file, pre_buffer=False, buffer_size=2**20)
        # Pictures within the table would be read for nothing.
        names = [field.name for field in table.schema_arrow if not _is_bytes(pa, field.type)]
        numbers = count(1)
        for batch in table.iter_batches(_ROWS_AT_ONCE, columns=names, use_threads=False):
            for values in batch.to_pylist():
                row = next(numbers)
                yield Row(row, {name: _known(value) for name, value in values.items()})
    except (pa.ArrowException, OSError, ValueError, ArithmeticError) as error:
        where = f"its row {row + 1}" if row else "its beginning"
        raise StickerworksError(
            f"{encode_name(str(path))} can't be read as Parquet from {where} on: "
            f"{one_line(error, 200)}.",
            "Mend or replace the file, or name its kind in crawl.sources[].options.format.",
        ) from error


def _is_bytes(pa: Any, kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    )


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
