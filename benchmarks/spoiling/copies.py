"""A release as rows, and written again so that no checksum, count or id gives a change away."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine.decoding.measured import measure
from pipeline.release.checksums import write_checksums
from schemas.config import DecodeConfig
from schemas.release import SPLITS

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""Rows by split."""

_MEASURED = ("width", "height", "frames", "duration_ms", "animated", "aspect", "entropy", "flags")


def read_rows(folder: Path) -> Rows:
    """All rows of a (small) release."""
    return {
        split: [
            row
            for shard in sorted((folder / "data").glob(f"{split}-*.parquet"))
            for row in pq.read_table(shard).to_pylist()
        ]
        for split in SPLITS
    }


def write_copy(release: Path, rows: Mapping[str, list[Row]], folder: Path) -> Path:
    """A copy of the release with these rows; counts, card and checksums are those of the rows."""
    target = folder / release.name
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(release, target, ignore=shutil.ignore_patterns("*.parquet"))
    for table in release.glob("*.parquet"):
        shutil.copy(table, target)
    schema = pq.read_schema(next(iter((release / "data").glob("*.parquet"))))
    for split, wanted in rows.items():
        if wanted:
            table = pa.Table.from_pylist(wanted, schema=schema)
            path = target / "data" / f"{split}-00000-of-00001.parquet"
            pq.write_table(table, path, row_group_size=100)
    return repair(target)


def repair(folder: Path) -> Path:
    """Make the card, the counts and SHA256SUMS say what the shards hold."""
    rows = read_rows(folder)
    card = folder / "README.md"
    text = card.read_text("utf-8")
    for split, found in rows.items():
        pattern = rf"(- name: {split}\n(?:    \w+: \d+\n)*?    num_examples: )\d+"
        text = re.sub(pattern, rf"\g<1>{len(found)}", text)
    card.write_text(text, encoding="utf-8")
    counts = folder / "counts.json"
    said = json.loads(counts.read_text("utf-8"))
    said["rows"] = {split: len(found) for split, found in rows.items()}
    said["tags"] = _tags(rows)
    counts.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / "SHA256SUMS").unlink(missing_ok=True)
    write_checksums(folder)
    return folder


def with_bytes(row: Row, data: bytes, kind: str, *, measured: bool = True) -> Row:
    """The row with another file: its id and, where ``measured``, its columns are that file's."""
    id_ = hashlib.sha256(data).hexdigest()
    changed = {**row, "id": id_, "format": kind, "image": {"bytes": data, "path": f"{id_}.{kind}"}}
    for name in ("duplicate_group", "template_id"):
        if row[name]:
            changed[name] = id_
    if measured:
        signals = measure(data, kind, DecodeConfig()).signals
        changed |= {name: signals[name] for name in _MEASURED}
    return changed


def _tags(rows: Rows) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for split, some in rows.items():
        for row in some:
            for tag in row["tags"] or ():
                found.setdefault(tag, Counter())[split] += 1
    return {tag: dict(sorted(counts.items())) for tag, counts in sorted(found.items())}
