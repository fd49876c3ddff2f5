"""Releases as baselines read them: rows of a split, streamed from its Parquet shards."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.datasets.layout import Layout, Row
from pipeline.engine.errors import StickerworksError
from pipeline.engine.split_leaks import NEVER_SPLIT, LeakCheck
from schemas.release import SPLITS
from schemas.tables import DESCRIPTION_FIELDS

NEEDED = ("id", "image", "tags", "label_status", "suggested_tags", "simulated")
TEXTS = ("captioner", "ocr_text", "domain", "pack", *(name for name, _ in DESCRIPTION_FIELDS))
"""Columns of text that a release may have."""


def read_release(folder: Path, split: str) -> Iterator[Row]:
    """Rows of a split; every row group is read to its end.

    Targets are the effective tags where a row has them, else the suggested ones. Raises
    StickerworksError when a shard can't be read or lacks a column.
    """
    if split not in SPLITS:
        return
    groups = _groups(folder, split, (*NEEDED, *TEXTS))
    for row in itertools.chain.from_iterable(map(pa.Table.to_pylist, groups)):
        if row["id"] is None:
            raise StickerworksError(
                f"{folder} has a {split} row without an id.", "Get the release again."
            )
        voted = row["label_status"] == "effective"
        tags = row["tags" if voted else "suggested_tags"] or ()
        data = (row["image"] or {}).get("bytes")
        yield Row(
            id=row["id"],
            data=data,
            targets=frozenset(tag for tag in tags if tag),
            texts={name: row[name] for name in TEXTS if row.get(name)},
            voted=voted,
            simulated=bool(voted and row["simulated"]),
            problem=None if data is not None else "the release carries no bytes",
        )


def find_leaks(folder: Path) -> list[str]:
    """Ids, near-duplicate groups and templates that stand in more than one split."""
    check = LeakCheck()
    for split in SPLITS:
        for rows in _groups(folder, split, NEVER_SPLIT):
            check.add(rows, split)
    return sorted(itertools.chain.from_iterable(check.problems()))


def _recognises(path: Path) -> bool:
    return any((path / "data").glob("*.parquet"))


LAYOUT = Layout(name="release", recognises=_recognises, rows=read_release)


def _groups(folder: Path, split: str, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    files = sorted((folder / "data").glob(f"{split}-*.parquet"))
    _check_count(files)
    for file in files:
        try:
            with pq.ParquetFile(file) as shard:
                there = [name for name in columns if name in shard.schema_arrow.names]
                missing = sorted({*columns} - {*there} - {*TEXTS})
                if missing:
                    raise pa.ArrowInvalid(f"it has no column {missing[0]}")
                _check_types(shard.schema_arrow, there)
                for group in range(shard.num_row_groups):
                    yield shard.read_row_group(group, columns=there)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise StickerworksError(
                f"{file} can't be read to its end: {error}.",
                "Get that file again, or delete the release and run `stickerworks release`.",
            ) from error


def _check_count(files: list[Path]) -> None:
    """A split's files say how many there are; a part of it must not pass for all."""
    for file in files:
        match = re.search(r"-of-(\d+)\.parquet$", file.name)
        if match and int(match[1]) != len(files):
            raise StickerworksError(
                f"{file.parent} has {len(files)} of the {int(match[1])} files that {file.name} "
                "is one of.",
                "Get the missing ones, or delete the release and run `stickerworks release`.",
            )


def _check_types(schema: pa.Schema, columns: list[str]) -> None:
    for name in columns:
        kind = schema.field(name).type
        fits = _FITS.get(name, pa.types.is_string)(kind)
        if not (fits or pa.types.is_null(kind)):
            raise pa.ArrowInvalid(f"its column {name} is of the type {kind}")


def _is_image(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind) or kind.get_field_index("bytes") < 0:
        return False
    return bool(pa.types.is_binary(kind.field("bytes").type))


def _is_tags(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_list(kind) else None
    return inner is not None and (pa.types.is_string(inner) or pa.types.is_null(inner))


_FITS: dict[str, Callable[[pa.DataType], bool]] = {
    "image": _is_image,
    "tags": _is_tags,
    "suggested_tags": _is_tags,
    "simulated": pa.types.is_boolean,
}
