"""Parquet and Arrow files of a foreign folder, a few rows at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.datasets.pictures import why_unusable
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import one_line

_ROWS = 16  # pictures may have megabytes each
_SPLITS = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test", "eval": "test",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z]+")
_DAMAGE = (pa.ArrowException, OSError, ValueError, ArithmeticError, TypeError, KeyError)


@dataclass(frozen=True)
class File:
    """A file of a data set, its path below the folder, and the split that this names."""

    path: Path
    relative: str
    split: str | None


def data_files(root: Path) -> list[File]:
    """Parquet and Arrow files below a folder, by name; hidden ones and caches are no data.

    Raises StickerworksError where there is none, and for one that can't be read: a data set must
    not be taken for whole without it.
    """
    found = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        hidden = any(part.startswith(".") for part in relative.parts)
        other = path.suffix not in (".parquet", ".arrow") or path.name.startswith("cache-")
        if other or hidden or path.is_dir():
            continue
        reason = why_unusable(root, path)
        if reason is not None:
            raise StickerworksError(
                f"{relative} can't be read: {reason}.", "Get that file again, or remove it."
            )
        found.append(File(path, relative.as_posix(), _split(relative)))
    if not found:
        raise StickerworksError(
            f"There is no Parquet or Arrow file below {root}.",
            "Name the folder that the data set's files lie in.",
        )
    return found


def batches(file: File, without: str | None = None) -> Iterator[tuple[pa.Schema, pa.RecordBatch]]:
    """Rows of a file in order, each batch with the file's schema; ``without`` names a column that
    isn't read.

    Raises StickerworksError, which names the file, where it can't be read to its end.
    """
    row = 0
    try:
        read = _parquet if file.path.suffix == ".parquet" else _arrow
        for schema, batch in read(file, without):
            # Arrow takes a file's offsets as they are, and would read beyond its end.
            batch.validate(full=file.path.suffix == ".arrow")
            yield schema, batch
            row += batch.num_rows
    except _DAMAGE as error:
        where = f"its row {row + 1}" if row else "its beginning"
        raise StickerworksError(
            f"{file.relative} can't be read from {where} on: {one_line(error, 200)}.",
            "Get that file again.",
        ) from error


def _split(relative: Path) -> str | None:
    """The split that the file's name, or else that of the nearest folder, begins with or holds."""
    for part in reversed(relative.with_suffix("").parts):
        for word in _WORD.findall(part):
            if word.lower() in _SPLITS:
                return _SPLITS[word.lower()]
    return None


def _parquet(file: File, without: str | None) -> Iterator[tuple[pa.Schema, pa.RecordBatch]]:
    with pq.ParquetFile(file.path, pre_buffer=False, buffer_size=2**20) as table:
        names = [name for name in table.schema_arrow.names if name != without]
        for batch in table.iter_batches(_ROWS, columns=names, use_threads=False):
            yield table.schema_arrow, batch


def _arrow(file: File, without: str | None) -> Iterator[tuple[pa.Schema, pa.RecordBatch]]:
    with pa.memory_map(str(file.path)) as source:
        # `datasets` writes streams; others write files with a footer.
        if source.read(6) == b"ARROW1":
            reader = pa.ipc.open_file(source)
            each: Any = (reader.get_batch(n) for n in range(reader.num_record_batches))
        else:
            source.seek(0)
            reader = each = pa.ipc.open_stream(source)
        for whole in each:
            batch = whole.select([name for name in whole.schema.names if name != without])
            for start in range(0, batch.num_rows, _ROWS):
                yield reader.schema, batch.slice(start, _ROWS)
