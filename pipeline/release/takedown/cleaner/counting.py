"""A release's counts and card without the rows that were taken down."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from typing import Any

import pyarrow as pa

COUNTED = (
    "id", "format", "domain", "label_status", "tags", "suggested_tags", "frames", "captioner",
    "sources", "licence", "licence_basis", "simulated", "keywords",
)  # fmt: skip
"""Columns of a release that its counts are made of, beside whether it carries an image."""

_BY_SPLIT = {
    "format": "formats", "domain": "domains", "label_status": "label_status", "tags": "tags",
    "suggested_tags": "suggested_tags",
}  # fmt: skip
_TABLES = {
    "format": "formats", "domain": "domains", "label status": "label_status", "tag": "tags",
    "suggested tag": "suggested_tags",
}  # fmt: skip
_SPLITS = ("train", "validation", "test")
_ESCAPE = re.compile(r"\\(.)")
NOTE = "stickers were taken down since this release was made"
_NOTED = re.compile(rf"^> \*\*([\d,]+) {NOTE}", re.MULTILINE)
_FENCE = re.compile(r"^---$", re.MULTILINE)


class Losses:
    """What is to be taken off a release's counts, by the names in ``counts.json``."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.nbytes: Counter[str] = Counter()
        self._flat: dict[str, Counter[str]] = {}
        self._split: dict[str, dict[str, Counter[str]]] = {}
        self._licences: Counter[tuple[str, str, str, str]] = Counter()

    def add(self, split: str, rows: pa.Table, carried: list[bool]) -> None:
        """Take rows of a split that go, and whether each carries an image."""
        self.rows[split] += len(rows)
        for row, has_image in zip(rows.to_pylist(), carried, strict=True):
            for name, count in _BY_SPLIT.items():
                value = row.get(name)
                for each in value if isinstance(value, list) else [value or "unknown"]:
                    by_value = self._split.setdefault(count, {})
                    by_value.setdefault(str(each), Counter())[split] += 1
            for name in ("tags", "suggested_tags"):
                self._off(f"{name}_per_sticker", str(len(row.get(name) or ())))
            frames = row.get("frames")
            self._off("frames", "unknown" if frames is None else str(frames))
            self._off("captioners", row.get("captioner") or "none")
            self._off("simulated", "", bool(row.get("simulated")))
            self._off("without_bytes", "", not has_image)
            key = (
                " + ".join(row.get("sources") or ()),
                row.get("licence") or "not stated",
                row.get("licence_basis") or "none",
                "with bytes" if has_image else "without bytes",
            )
            self._licences[key] += 1

    def add_outcomes(self, decisions: pa.Table) -> None:
        """Take rows of ``decisions.parquet`` that go."""
        for row in decisions.to_pylist():
            self._off("outcomes", row["outcome"])
            if row["outcome"] == "released":
                continue
            rules = {reason["rule"] for reason in row["reasons"] or ()}
            for rule in rules or {"no reason recorded"}:
                self._off("rules", rule)
            if len(rules) == 1:
                self._off("only_rule", rules.pop())

    def _off(self, name: str, value: str, count: int = 1) -> None:
        self._flat.setdefault(name, Counter())[value] += count

    def rows_left(self, rows: dict[str, int]) -> dict[str, int]:
        """Rows by split without them."""
        return _minus(rows, self.rows)

    def counts_left(self, text: str) -> str:
        """The text of ``counts.json`` without them."""
        counts = json.loads(text)
        for name, losses in {"rows": self.rows, **self._flat}.items():
            if isinstance(counts.get(name), int):
                counts[name] = max(0, counts[name] - losses[""])
            elif isinstance(counts.get(name), dict):
                counts[name] = _minus(counts[name], losses)
        for name, by_value in self._split.items():
            known = counts.get(name) or {}
            left = {v: _minus(n, by_value.get(v, Counter())) for v, n in known.items()}
            counts[name] = {value: found for value, found in left.items() if found}
        licences = counts.get("licences") or []
        counts["licences"] = [entry for one in licences if (entry := self._licence_left(one))]
        return json.dumps(counts, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    def _licence_left(self, entry: dict[str, Any]) -> dict[str, Any] | None:
        key = (entry["sources"], entry["licence"], entry["basis"])
        kinds: dict[str, int] = {k: entry[k] for k in ("with bytes", "without bytes") if k in entry}
        left = _minus(kinds, Counter({k: self._licences[(*key, k)] for k in kinds}))
        rest = {name: value for name, value in entry.items() if name not in kinds}
        return {**rest, **left} if left else None

    def card_left(self, text: str) -> str:
        """The text of README.md without them, but for ``download_size``."""
        parts = _FENCE.split(text, 2)
        if len(parts) == 3 and not parts[0].strip():
            parts[1] = self._front_left(parts[1])
            parts[2] = self._noted(self._tables_left(parts[2]))
            return "---".join(parts)
        return self._noted(self._tables_left(text))

    def _front_left(self, front: str) -> str:
        lines, split = front.split("\n"), ""
        total = sum(self.nbytes.values())
        for place, line in enumerate(lines):
            name, _, value = line.strip().removeprefix("- ").partition(": ")
            if name == "name":
                split = value
            elif value.isdigit() and name in _FRONT:
                less = {
                    "num_examples": self.rows[split],
                    "num_bytes": self.nbytes[split],
                    "dataset_size": total,
                }[name]
                lines[place] = line[: -len(value)] + str(max(0, int(value) - less))
        return "\n".join(lines)

    def _tables_left(self, text: str) -> str:
        lines: list[str | None] = []
        header = [""]
        for line in text.split("\n"):
            lines.append(line)
            cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
            if not line.startswith("| "):
                header = [""]
            elif header == [""]:
                header = cells
            elif cells[0] == "---":
                pass
            elif header[0] == "split" and cells[0] in _SPLITS and len(cells) == 2:
                lines[-1] = _row(cells[0], [_number(cells[1]) - self.rows[cells[0]]])
            elif header[0] in _TABLES and header[1:] == [*_SPLITS, "all"] and len(cells) == 5:
                losses = self._losses_of(_TABLES[header[0]], cells[0])
                left = [
                    _number(cell) - losses[s] for cell, s in zip(cells[1:], _SPLITS, strict=False)
                ]
                lines[-1] = _row(cells[0], [*left, sum(left)]) if sum(left) > 0 else None
        return "\n".join(line for line in lines if line is not None)

    def _losses_of(self, name: str, cell: str) -> Counter[str]:
        shown = html.unescape(_ESCAPE.sub(r"\1", cell))
        for value, losses in self._split.get(name, {}).items():
            line = " ".join(value.split())
            if line == shown or (shown.endswith("…") and line.startswith(shown[:-1])):
                return losses
        return Counter()

    def _noted(self, text: str) -> str:
        """The card with the sum of all that ever went, below its title."""
        known = _NOTED.search(text)
        before = int(known[1].replace(",", "")) if known else 0
        note = (
            f"> **{before + sum(self.rows.values()):,} {NOTE}.** Their rows are gone from the "
            "shards, and the counts of splits, formats, domains and tags are those of what is "
            "left; plots of words that may be theirs are gone, all else that is counted or plotted "
            "is as it was. `taken_down.csv` lists their hashes."
        )
        if known:
            lines = text.split("\n")
            return "\n".join(note if _NOTED.match(line) else line for line in lines)
        title = re.search(r"^# .*$", text, re.MULTILINE)
        end = title.end() if title else 0
        return f"{text[:end]}\n\n{note}{text[end:]}" if title else f"{note}\n\n{text}"


_FRONT = ("num_examples", "num_bytes", "dataset_size")


def with_download_size(card: str, nbytes: int) -> str:
    """A card whose front matter says how many bytes the shards have."""
    return re.sub(r"(?m)^  download_size: \d+$", f"  download_size: {nbytes}", card, count=1)


def _row(name: str, numbers: list[int]) -> str:
    return f"| {name} | " + " | ".join(f"{max(0, number):,}" for number in numbers) + " |"


def _number(cell: str) -> int:
    digits = cell.replace(",", "")
    return int(digits) if digits.isdigit() else 0


def _minus(counts: dict[str, int], losses: Counter[str]) -> dict[str, int]:
    left = {name: count - losses[name] for name, count in counts.items()}
    return {name: count for name, count in left.items() if count > 0}
