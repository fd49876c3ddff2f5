"""Text files without what was taken down: lines, rows and entries that name it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from pipeline.release.takedown.cleaner.named import TakenDown, replacing

LINES = (".csv", ".json", ".jsonl", ".log", ".md", ".ndjson", ".tsv", ".txt", ".yaml")
PAGES = (".html", ".htm", ".svg")
_MOST_BYTES = 1 << 31
_GONE = object()


def cleaned_text(name: str, text: str, gone: TakenDown, files: frozenset[str]) -> str:
    """A text file of that name without the lines, rows or entries that name what is gone.

    ``files`` are names of files that were removed beside it.
    """

    def named(part: str) -> bool:
        return (
            gone.names_text(part)
            or any(file in part for file in files)
            or any(words in part for words in gone.texts)
        )

    if not named(text) and not gone.addresses:
        return text
    if name.endswith((".csv", ".tsv")):
        return "".join(row for row in _records(text) if not named(row))
    if name.endswith(".json"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return "\n".join(line for line in text.split("\n") if not named(line))
        left = _without(value, named)
        if left == value:
            return text
        shown = json.dumps(
            None if left is _GONE else left, ensure_ascii=False, indent=_indent(text)
        )
        return shown + ("\n" if text.endswith("\n") else "")
    return "\n".join(line for line in text.split("\n") if not named(line))


def clean_lines(path: Path, gone: TakenDown, files: frozenset[str] = frozenset()) -> bool:
    """Clean a text file; whether it changed. One that isn't UTF-8 is read byte by byte."""
    if path.stat().st_size > _MOST_BYTES:
        return False
    data = path.read_bytes()
    try:
        text, encoding = data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = data.decode("latin-1"), "latin-1"
    left = cleaned_text(path.name, text, gone, files)
    if left == text:
        return False
    mode = path.stat().st_mode
    with replacing(path) as temporary:
        temporary.write_bytes(left.encode(encoding))
        temporary.chmod(mode & 0o777)
    return True


def _records(text: str) -> list[str]:
    """Rows of a CSV file as they stand there, each with its line ends."""
    # Other ends of lines than these, of which Unicode has some, are text.
    lines = list(io.StringIO(text, newline=""))
    rows, records, start = csv.reader(lines), [], 0
    try:
        for _ in rows:
            records.append("".join(lines[start : rows.line_num]))
            start = rows.line_num
    except csv.Error:
        return lines
    return records if start == len(lines) else lines


def _without(value: Any, named: Any) -> Any:
    """A JSON value without the innermost entries that are named; _GONE where all of it is."""
    if isinstance(value, str):
        return _GONE if named(value) else value
    if isinstance(value, list):
        left = [_without(entry, named) for entry in value]
        return [entry for entry in left if entry is not _GONE]
    if isinstance(value, dict):
        found = {key: _without(entry, named) for key, entry in value.items() if not named(key)}
        # What names it by one of its fields is about it as a whole.
        texts = (key for key, entry in value.items() if isinstance(entry, str))
        if any(found.get(key, _GONE) is _GONE for key in texts):
            return _GONE
        return {key: entry for key, entry in found.items() if entry is not _GONE}
    return value


def _indent(text: str) -> int | None:
    second = text.partition("\n")[2][:16]
    return len(second) - len(second.lstrip(" ")) or None
