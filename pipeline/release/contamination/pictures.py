"""Pictures of a release, a folder or Parquet files, as they come: id, split, group, bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine.decoding.frames import format_of
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import plain

MOST_BYTES = 64 << 20
"""Bytes of one picture that are read."""
_SPLIT = re.compile(r"([A-Za-z0-9_]{1,40})-\d{5}-of-\d{5}")
_BATCH = 64


@dataclass(frozen=True)
class Picture:
    """One file of a data set: sha256 in hex, split, near-duplicate group where one is known, and
    bytes where they are there."""

    id: str
    split: str
    group: str | None
    data: bytes | None


def read_pictures(path: Path) -> Iterator[Picture]:
    """Every picture at ``path``: a release, Parquet files with an image column, or a folder.

    In the order of file names; links are passed over, and in a folder what begins like no
    picture. A split is what a Parquet file's name begins with (``train-00000-of-00003``), and
    ``all`` where that says nothing. Raises StickerworksError where nothing is there.
    """
    files = [path] if path.suffix == ".parquet" and path.is_file() else _below(path, ".parquet")
    if files and path.is_dir() and (path / "data").is_dir() and (path / "README.md").is_file():
        files = [file for file in files if file.parent == path / "data"]
    if files:
        for file in files:
            yield from _of_parquet(file)
        return
    found = False
    for file in _below(path, ""):
        data = file.read_bytes() if file.stat().st_size <= MOST_BYTES else b""
        if format_of(data) is not None:
            found = True
            yield Picture(hashlib.sha256(data).hexdigest(), "all", None, data)
    if not found:
        raise StickerworksError(
            f"There are no pictures at {path}.",
            "Name a release's folder, a folder of pictures, or Parquet files with a column of "
            "images.",
        )


def _below(path: Path, suffix: str) -> list[Path]:
    if not path.is_dir():
        return []
    every = (one for one in path.rglob(f"*{suffix}") if one.is_file() and not one.is_symlink())
    return sorted(one for one in every if not one.name.startswith("."))


def _of_parquet(path: Path) -> Iterator[Picture]:
    match = _SPLIT.match(path.name)
    split = match[1] if match else "all"
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            image = _image_column(path, schema)
            there = [n for n in ("id", "duplicate_group") if n in schema.names and image == "image"]
            for batch in file.iter_batches(_BATCH, columns=[image, *there]):
                for row in batch.to_pylist():
                    yield _picture(row, image, split)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise StickerworksError(
            f"{path} can't be read to its end: {plain(str(error))[:200]}.", "Get that file again."
        ) from error


def _picture(row: dict[str, object], image: str, split: str) -> Picture:
    value = row[image]
    data = value.get("bytes") if isinstance(value, dict) else value
    group, id_ = row.get("duplicate_group"), row.get("id")
    if isinstance(data, bytes):
        # What a row calls itself proves nothing: its bytes do.
        id_ = hashlib.sha256(data).hexdigest()
        data = data if len(data) <= MOST_BYTES else None
    return Picture(
        str(id_ or ""),
        split,
        str(group) if group else None,
        data if isinstance(data, bytes) else None,
    )


def _image_column(path: Path, schema: pa.Schema) -> str:
    """The column of pictures: structs of bytes as `datasets` writes them, or plain bytes."""
    for field in sorted(schema, key=lambda field: field.name != "image"):
        kind = field.type
        if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            kind = kind.field("bytes").type
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return str(field.name)
    raise StickerworksError(
        f"{path} has no column of pictures.",
        "Name Parquet files with a column of bytes, or of structs with a field `bytes`.",
    )
