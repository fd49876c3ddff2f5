"""Text files without what was taken down: lines, rows and entries that name it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.release.takedown.cleaner.named import TakenDown, replacing
from pipeline.release.takedown.cleaner.removed import RemovedFiles, folder_of, stands_in
from pipeline.release.takedown.cleaner.shards import REFERENCES

LINES = (".csv", ".json", ".jsonl", ".log", ".md", ".ndjson", ".tsv", ".txt", ".yaml")
PAGES = (".html", ".htm", ".svg")
MOST_TEXT = 1 << 31
"""Bytes of the longest text that is read."""

# Fields whose whole value may be what is said of a sticker alone: a title is a word as well.
_SAID_IN = frozenset({
    "title", "titles", "media_url", "page_url", "final_url", "url", "urls", "source_id", "origin",
    "source_urls", "example", "examples",
})  # fmt: skip
_IDS_IN = ("id", "sha256", "sticker")
_LEAST_IN_LOG = 6
_GONE = object()
_NONE = RemovedFiles()


def cleaned_text(
    name: str,
    text: str,
    gone: TakenDown,
    files: RemovedFiles = _NONE,
    about: Collection[str] = (),
) -> str:
    """A text file of that name without the lines, rows or entries that name what is gone.

    Titles and the like are looked for as whole values of fields alone, since they may be any word;
    in ``.log`` files among other words as well. ``about`` are folders whose files it may list.
    """
    folder = folder_of(name)
    folders = frozenset(about if folder is None else (folder,))
    told = _Told(gone, files, folders, name.endswith(".log"))
    if not told.may_be_in(text):
        return text
    if name.endswith((".csv", ".tsv")):
        return _rows_left(text, told, "\t" if name.endswith(".tsv") else ",")
    if name.endswith((".jsonl", ".ndjson")):
        return _json_lines_left(text, told)
    return _json_left(text, told) if name.endswith(".json") else told.lines_left(text)


def clean_lines(path: Path, gone: TakenDown, files: RemovedFiles = _NONE) -> bool:
    """Clean a text file; whether it changed. One in no known encoding is read by bytes."""
    if path.stat().st_size > MOST_TEXT:
        return False
    data = path.read_bytes()
    text, encoding = _decoded(data)
    left = cleaned_text(path.name, text, gone, files, (path.parent.name,))
    if left == text:
        return False
    mode = path.stat().st_mode
    with replacing(path) as temporary:
        temporary.write_bytes(left.encode(encoding, "surrogatepass"))
        temporary.chmod(mode & 0o777)
    return True


@dataclass(frozen=True)
class _Told:
    """What a text may name; ``about`` is the folder that it is about."""

    gone: TakenDown
    files: RemovedFiles
    about: frozenset[str]
    is_log: bool

    def may_be_in(self, text: str) -> bool:
        return (
            self.gone.names_text(text)
            or self.files.may_be_in(text)
            or any(words in text for words in self.gone.texts)
            # Written with escapes, or known by its hash alone.
            or ("\\u" in text and bool(self.gone.texts))
            or ("://" in text and bool(self.gone.addresses))
        )

    def by_value(self, value: str, field: str, beside: Collection[str]) -> bool:
        gone, is_url = self.gone, "://" in value
        return (
            gone.names_text(value)
            or (value in gone.texts and (is_url or field.lower() in _SAID_IN))
            or (is_url and gone.names_address(value))
            or self.files.is_called(value, beside)
        )

    def by_line(self, line: str) -> bool:
        return (
            self.gone.names_text(line)
            or self.files.is_told(line)
            or any(
                stands_in(line, words)
                for words in self.gone.texts
                if "://" in words or (self.is_log and len(words) >= _LEAST_IN_LOG)
            )
        )

    def lines_left(self, text: str) -> str:
        return "\n".join(line for line in text.split("\n") if not self.by_line(line))


def _rows_left(text: str, told: _Told, delimiter: str) -> str:
    fields: list[str] = []
    left: list[str] = []
    for row, cells in _records(text, delimiter):
        if not left:
            fields = cells
        named = told.gone.names_text(row) or any(
            told.by_value(cell, field, [*cells, *told.about])
            for cell, field in zip(cells, [*fields, *[""] * len(cells)], strict=False)
        )
        if not named:
            left.append(row)
    return "".join(left)


def _json_left(text: str, told: _Told) -> str:
    try:
        value = json.loads(text)
        left = _without(value, told, top=True)
        if left == value:
            return text
        left = "" if left is _GONE else left
        shown = json.dumps(left, ensure_ascii=False, indent=_indent(text))
    except (ValueError, RecursionError):
        return told.lines_left(text)
    return shown + ("\n" if text.endswith("\n") else "")


def _json_lines_left(text: str, told: _Told) -> str:
    left: list[str] = []
    for line in text.split("\n"):
        try:
            value = json.loads(line)
            found = _without(value, told)
        except (ValueError, RecursionError):
            if not told.by_line(line):
                left.append(line)
            continue
        if found is not _GONE:
            left.append(line if found == value else json.dumps(found, ensure_ascii=False))
    return "\n".join(left)


def _decoded(data: bytes) -> tuple[str, str]:
    """A text and its encoding; GB18030 is what MET-MEME is written in."""
    for encoding in ("utf-8", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.encode(encoding) == data:
            return text, encoding
    return data.decode("latin-1"), "latin-1"


def _records(text: str, delimiter: str) -> list[tuple[str, list[str]]]:
    """Rows of a CSV file as they stand there, each with its line ends, and their cells."""
    # Other ends of lines than these, of which Unicode has some, are text.
    lines = list(io.StringIO(text, newline=""))
    rows, start = csv.reader(lines, delimiter=delimiter), 0
    records: list[tuple[str, list[str]]] = []
    try:
        for cells in rows:
            records.append(("".join(lines[start : rows.line_num]), cells))
            start = rows.line_num
    except csv.Error:
        start = -1
    if start == len(lines):
        return records
    return [(line, line.rstrip("\r\n").split(delimiter)) for line in lines]


def _without(
    value: Any, told: _Told, field: str = "", beside: Collection[str] = (), *, top: bool = False
) -> Any:
    """A JSON value without the innermost entries that are named; _GONE where all of it is.

    The whole of a file never goes for one of its fields.
    """
    if isinstance(value, dict):
        return _entries_left(value, told, field, top)
    if isinstance(value, list):
        left = [_without(entry, told, field, beside) for entry in value]
        return [entry for entry in left if entry is not _GONE]
    if not isinstance(value, str):
        return value
    if field in REFERENCES and value in told.gone.ids:
        return told.gone.new_name(field, value)
    return _GONE if told.by_value(value, field, beside) else value


def _entries_left(value: dict[str, Any], told: _Told, field: str, top: bool) -> Any:
    texts = {key: entry for key, entry in value.items() if isinstance(entry, str)}
    own = {field, *texts.values(), *told.about}
    found = {
        key: _without(entry, told, key, own)
        for key, entry in value.items()
        if not told.by_value(key, "", own)
    }
    if top and any(texts.get(key) in told.gone.ids for key in _IDS_IN):
        return {}
    # What names it by one of its fields is about it as a whole.
    if not top and any(found.get(key) is _GONE for key in texts):
        return _GONE
    return {key: entry for key, entry in found.items() if entry is not _GONE}


def _indent(text: str) -> int | None:
    second = text.partition("\n")[2][:16]
    return len(second) - len(second.lstrip(" ")) or None
