"""Reads a takedown list: CSV with a header, or a JSON object a line; a kind and a value each."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from crawlers.addresses import MAX_ADDRESS
from crawlers.takedown.forms import normal_author, normal_pack, normal_url
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular
from pipeline.engine.text import quoted

_MAX_BYTES = 2**29
_MAX_LINE = 2**16
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PHASH = re.compile(r"[0-9a-f]{16}")

_Line = tuple[int, str]
_Row = tuple[int, object, object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry in the form in which it is compared; an address that ends in ``*`` is a prefix."""

    kind: str
    value: str
    line: int


def read_entries(path: Path) -> Iterator[Entry]:
    """Entries in order; StickerworksError names the line of what can't be understood."""
    for line, kind, value in _rows(path):
        if not isinstance(kind, str) or not isinstance(value, str):
            raise _wrong(path, line, "it has no kind and value, both texts")
        name = kind.strip().lower()
        if name not in _FORMS:
            raise _wrong(path, line, f"{quoted(kind)} is no kind; those are {', '.join(_FORMS)}")
        try:
            yield Entry(name, _FORMS[name](value.strip()), line)
        except ValueError as error:
            raise _wrong(path, line, str(error)) from error


def make_entry(kind: str, value: str) -> Entry:
    """An entry as a list would have it; ValueError says what is wrong with the value."""
    return Entry(kind, _FORMS[kind](value.strip()), 0)


def _rows(path: Path) -> Iterator[_Row]:
    lines = _lines(path)
    first = next((line for line in lines if line[1].strip()), None)
    if first is None:
        # Half an export, perhaps: an empty list would let go all that it ever named.
        raise StickerworksError(
            f"The takedown list {path} is empty.",
            "A list without entries has its header alone: kind,value.",
        )
    read = _json_rows if first[1].lstrip().startswith("{") else _csv_rows
    return read(path, chain((first,), lines), first[0])


def _json_rows(path: Path, lines: Iterator[_Line], _: int) -> Iterator[_Row]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _wrong(path, number, f"it is no JSON ({error})") from error
        if not isinstance(row, dict):
            raise _wrong(path, number, "it is no JSON object")
        yield number, row.get("kind"), row.get("value")


def _csv_rows(path: Path, lines: Iterator[_Line], first: int) -> Iterator[_Row]:
    rows = csv.reader((line for _, line in lines), strict=True)
    header: list[str] | None = None
    try:
        for row in rows:
            number = first - 1 + rows.line_num
            if header is None:
                header = [name.strip().lower() for name in row]
                if not {"kind", "value"} <= set(header):
                    raise _wrong(path, number, "the header names no columns kind and value")
                kind, value = header.index("kind"), header.index("value")
            elif any(cell.strip() for cell in row):
                whole = len(row) > max(kind, value)
                yield number, row[kind] if whole else None, row[value] if whole else None
    except csv.Error as error:
        raise _wrong(path, first - 1 + rows.line_num, f"it is no CSV ({error})") from error


def _lines(path: Path) -> Iterator[_Line]:
    try:
        data = read_regular(path, _MAX_BYTES)
    except OSError as error:
        raise StickerworksError(
            f"Could not read the takedown list {path}: {error.strerror}.", "Check crawl.takedown."
        ) from error
    for number, line in enumerate(io.BytesIO(data), start=1):
        if len(line) > _MAX_LINE:
            raise _wrong(path, number, f"it has more than {_MAX_LINE:,} bytes")
        yield number, _decode(path, number, line)


def _decode(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise StickerworksError(
            f"The takedown list is wrong at {path}:{number}: it isn't UTF-8.",
            "Save it as UTF-8; some spreadsheets write another encoding.",
        ) from error


def _wrong(path: Path, line: int, what: str) -> StickerworksError:
    return StickerworksError(f"The takedown list is wrong at {path}:{line}: {what}.", "Mend it.")


def _hexadecimal(value: str, form: re.Pattern[str], digits: int) -> str:
    if not form.fullmatch(value.lower()):
        raise ValueError(f"the value isn't {digits} hexadecimal digits")
    return value.lower()


def _url(value: str) -> str:
    if len(value) > MAX_ADDRESS:
        raise ValueError(f"the address has more than {MAX_ADDRESS} characters")
    prefix = value.endswith("*")
    if "*" in value.rstrip("*"):
        raise ValueError("a * stands at the end of an address alone")
    url = normal_url(value.rstrip("*"))
    if url is None:
        raise ValueError("the value is no address that begins with https:// and a host")
    # Without its question mark it would be a prefix of other paths as well.
    query = "?" if prefix and value.rstrip("*").endswith("?") else ""
    return f"{url}{query}*" if prefix else url


def _name(value: str, form: Callable[[str | None], str | None]) -> str:
    name = form(value)
    if not name or not name.strip("/ "):
        raise ValueError("it has no value")
    return name


_FORMS: dict[str, Callable[[str], str]] = {
    "sha256": lambda value: _hexadecimal(value, _SHA256, 64),
    "phash": lambda value: _hexadecimal(value, _PHASH, 16),
    "url": _url,
    "pack": lambda value: _name(value, normal_pack),
    "author": lambda value: _name(value, normal_author),
}
