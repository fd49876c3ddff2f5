"""What a lead would fill in, by rule: names, merges, drops, blocks and tags of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.tags.naming.lists import join_list


@dataclass(frozen=True)
class Plan:
    """Decisions by key, and tags added by hand."""

    rows: Mapping[str, Mapping[str, str]]
    added: Sequence[Mapping[str, str]]


def plan_naming(proposals: Sequence[Mapping[str, Any]], tags: int) -> Plan:
    """Decide about every proposal so that just so many tags come out.

    The smallest clusters are merged, dropped and blocked, 20 at most of each; what is missing is
    added by hand with a keyword out of the largest clusters.
    """
    by_size = sorted(proposals, key=lambda row: (row["keywords"], row["key"]))
    aside = min(60, len(by_size) // 10)
    merged, dropped, blocked = (by_size[n:aside:3] for n in range(3))
    kept = by_size[aside:]
    if len(kept) > tags:
        dropped, kept = [*dropped, *kept[: len(kept) - tags]], kept[len(kept) - tags :]
    rows = {row["key"]: {"decision": "keep", "name": f"标签 {row['key']}"} for row in kept}
    target = kept[-1]["key"]
    rows |= {row["key"]: {"decision": "merge", "into": target} for row in merged}
    rows |= {row["key"]: {"decision": "drop", "note": "too small"} for row in dropped}
    rows |= {row["key"]: {"decision": "block", "note": "not for people"} for row in blocked}
    large = [row for row in reversed(kept) if row["keywords"] > 1]
    missing = tags - len(kept)
    added = [
        {"name": f"手工 {number}", "keywords": row["exemplars"][-1]}
        for number, row in zip(range(missing), large, strict=False)
    ]
    return Plan(rows, added)


def fill_sheet(sheet: Path, plan: Plan) -> Path:
    """Fill in a spreadsheet and save it as LibreOffice does, in its own format."""
    from openpyxl import load_workbook

    book = load_workbook(sheet)
    head, first = _head(book["clusters"])
    for line in range(first, book["clusters"].max_row + 1):
        key = book["clusters"].cell(line, head["key"]).value
        for column, text in plan.rows.get(str(key), {}).items():
            book["clusters"].cell(line, head[column]).value = text
    head, first = _head(book["added"])
    for line, row in enumerate(plan.added, first):
        for column, text in row.items():
            written = join_list([text]) if column == "keywords" else text
            book["added"].cell(line, head[column]).value = written
    filled = sheet.with_name("filled.xlsx")
    book.save(filled)
    return convert(filled, "ods")


def convert(path: Path, suffix: str) -> Path:
    """The same spreadsheet as LibreOffice writes it in another format."""
    command = ["soffice", "--headless", "--convert-to", suffix, "--outdir", path.parent, path]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return path.with_suffix(f".{suffix}")


def _head(sheet: Any) -> tuple[dict[str, int], int]:
    """Columns by name, and the first line below the header."""
    for line in range(1, 10):
        found = {str(cell.value): cell.column for cell in sheet[line] if cell.value}
        if "name" in found:
            return found, line + 1
    raise ValueError(f"{sheet.title} has no header")
