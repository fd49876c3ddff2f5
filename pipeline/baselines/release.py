"""Releases as baselines read them: rows of a split, streamed from its Parquet shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.baselines.layout import Layout, Row
from pipeline.engine.errors import StickerworksError

NEEDED = ("id", "image", "tags", "label_status", "suggested_tags", "simulated")
TEXTS = (
    "caption_en",
    "caption_zh",
    "captioner",
    "ocr_text",
    "domain",
    "pack",
    # What the papers' annotation adds: four attributes (StickerTAG section 4.2), four views
    # (MGHFT section 3.2), classes of emotion and style (Sticker820K).
    "content",
    "style",
    "role",
    "action",
    "intention",
    "main_role",
    "character_details",
    "emotion",
)
"""Columns of text that a release may have."""

_LINKS = ("id", "duplicate_group", "template_id")


def read_release(folder: Path, split: str) -> Iterator[Row]:
    """Rows of a split; every row group is read to its end.

    Targets are the effective tags where a row has them, else the suggested ones. Raises
    StickerworksError when a shard can't be read or lacks a column.
    """
    for row in _rows(folder, split, (*NEEDED, *TEXTS)):
        voted = row["label_status"] == "effective"
        data = (row["image"] or {}).get("bytes")
        yield Row(
            id=row["id"],
            data=data,
            targets=frozenset(row["tags" if voted else "suggested_tags"] or ()),
            texts={name: row[name] for name in TEXTS if row.get(name)},
            voted=voted,
            simulated=bool(voted and row["simulated"]),
            problem=None if data is not None else "the release carries no bytes",
        )


def find_leaks(folder: Path) -> list[str]:
    """Ids, near-duplicate groups and templates that stand in more than one split."""
    homes: dict[tuple[str, str], set[str]] = {}
    for split in ("train", "validation", "test"):
        for row in _rows(folder, split, _LINKS):
            for name in _LINKS:
                if row[name] is not None:
                    homes.setdefault((name, row[name]), set()).add(split)
    return [
        f"{name} {value} stands in {' and '.join(sorted(splits))}: a leak"
        for (name, value), splits in sorted(homes.items())
        if len(splits) > 1
    ]


def _recognises(path: Path) -> bool:
    return any((path / "data").glob("*.parquet"))


LAYOUT = Layout(name="release", recognises=_recognises, rows=read_release)


def _rows(folder: Path, split: str, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for file in sorted((folder / "data").glob(f"{split}-*.parquet")):
        try:
            with pq.ParquetFile(file) as shard:
                there = [name for name in columns if name in shard.schema_arrow.names]
                missing = sorted({*columns} - {*there} - {*TEXTS})
                if missing:
                    raise pa.ArrowInvalid(f"it has no column {missing[0]}")
                for group in range(shard.num_row_groups):
                    yield from shard.read_row_group(group, columns=there).to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise StickerworksError(
                f"{file} can't be read to its end: {error}.",
                "Get that file again, or delete the release and run `stickerworks release`.",
            ) from error
