"""The expected outcome of every drawn file, as ``expected.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError

Outcome = Literal["kept", "dropped", "failed", "unfetched"]
TRUTH_FILE = "expected.jsonl"


@dataclass(frozen=True)
class DrawnSticker:
    """One entry of the index with its expected outcome.

    ``path`` is ``<category>/<name>``, the file below the collection's folder and the item's id at
    its source. ``case`` says why it was drawn. ``rule`` is the one rule that drops it; ``why`` the
    reason of a failure (``too_large``, ``decode``) or of a missing file (``gone``, ``refused``,
    ``not_media``, ``too_large``). ``duplicate_of`` is the sha256 of the kept one; ``template``
    names stickers that differ in their captions alone; ``flag`` is a flag that its signals must
    carry. ``ocr_case`` is true where the outcome depends on what OCR reads.
    """

    path: str
    category: str
    name: str
    case: str
    expected: Outcome = "kept"
    sha256: str | None = None
    rule: str | None = None
    why: str | None = None
    duplicate_of: str | None = None
    template: str | None = None
    flag: str | None = None
    tags: tuple[str, ...] = ()
    domain: str | None = None
    caption: str | None = None
    ocr_case: bool = False


def write_expected(folder: Path, stickers: Iterable[DrawnSticker]) -> Path:
    """Write ``expected.jsonl``, one line an entry of the index."""
    path = folder / TRUTH_FILE
    with atomic_file(path) as temporary:
        lines = (json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in stickers)
        temporary.write_text("".join(lines), encoding="utf-8")
    return path


def read_expected(path: Path) -> list[DrawnSticker]:
    """Rows of an ``expected.jsonl``.

    Raises StickerworksError, naming the line, for a file that is missing or not one of ours.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StickerworksError(
            f"Could not read the demo's truth file {path}: {error}.",
            "Delete that file and draw the collection again with `make demo`.",
        ) from error
    return [_parse(path, number, line) for number, line in enumerate(lines, start=1)]


def _parse(path: Path, number: int, line: str) -> DrawnSticker:
    known = {field.name for field in fields(DrawnSticker)}
    try:
        row = json.loads(line)
        row["tags"] = tuple(row["tags"])
        if set(row) != known:
            raise ValueError(f"its keys differ: {sorted(set(row) ^ known)}")
        return DrawnSticker(**row)
    except (ValueError, TypeError, KeyError) as error:
        raise StickerworksError(
            f"Line {number} of {path} is not an expected outcome: {error}.",
            "Delete that file and draw the collection again with `make demo`.",
        ) from error
