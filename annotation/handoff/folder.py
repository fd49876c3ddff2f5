"""The folder of an export: whole or not there, and never anything else's."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.folders import whole_folder
from pipeline.engine.paths import named_path

MARK = "export.json"
"""Names what made the folder, and what lies in it."""


@contextmanager
def export_folder(output: Path, kind: str) -> Iterator[Path]:
    """A temporary folder beside ``output`` that takes its place when the block succeeds.

    Raises StickerworksError for an ``output`` that holds anything but an earlier export of this
    kind, and for a full disk.
    """
    output = named_path(output, "--output").resolve()
    check_output(output, kind)
    with whole_folder(output) as folder:
        yield folder
        entries = sorted(path.name for path in folder.iterdir())
        mark = {"made_by": "stickerworks", "kind": kind, "entries": [*entries, MARK]}
        (folder / MARK).write_text(json.dumps(mark, indent=2) + "\n", "utf-8")


def check_output(output: Path, kind: str) -> None:
    """Refuse an ``output`` that holds anything but an earlier export of this kind."""
    with disk_errors(output, "Choose another --output."):
        if output.is_file():
            raise StickerworksError(f"{output} is a file.", "Choose another --output.")
        found = {path.name for path in output.iterdir()} if output.is_dir() else set()
        mark = _mark(output) if found else {}
    if not found:
        return
    strange = sorted(found - set(mark.get("entries", ())))
    if mark.get("kind") != kind or strange:
        what = f"holds {strange[0]!r}, which" if strange else "holds something that"
        raise StickerworksError(
            f"{output} {what} no earlier export of this kind made.",
            "Nothing of it was touched; choose another --output, or empty it.",
        )


def write_lines(path: Path, lines: Collection[str]) -> None:
    """Write lines of UTF-8, each ended by a newline."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def json_line(row: Mapping[str, Any] | Sequence[Any]) -> str:
    """A value as one line of JSON in its own script."""
    return json.dumps(row, ensure_ascii=False)


def _mark(output: Path) -> dict[str, Any]:
    try:
        mark = json.loads((output / MARK).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    ours = isinstance(mark, dict) and mark.get("made_by") == "stickerworks"
    named = ours and isinstance(mark.get("entries"), list)
    return mark if named and all(isinstance(name, str) for name in mark["entries"]) else {}
