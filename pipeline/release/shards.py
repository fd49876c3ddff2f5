"""Parquet files of a release, written row by row."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine.errors import StickerworksError
from pipeline.release.features import release_schema

# Random access to one image reads its whole row group: 100 rows cost 3 ms, 1,000 cost 87 ms.
_GROUP_ROWS = 100
# Keeps memory flat, and the offsets of a binary column far below 2 GiB, when files are large.
_GROUP_BYTES = 64_000_000
_IMAGE = "image.bytes"


class SplitWriter:
    """Writes one split as ``SPLIT-00000-of-0000N.parquet``; the number of rows is known before.

    Image bytes stay uncompressed and without a dictionary, so that content-defined chunks of
    two releases that differ in a few rows are the same.
    """

    def __init__(self, folder: Path, split: str, rows: int, rows_per_file: int) -> None:
        self.files = [
            folder / f"{split}-{n:05d}-of-{-(-rows // rows_per_file):05d}.parquet"
            for n in range(-(-rows // rows_per_file))
        ]
        self.num_bytes = 0
        self._rows, self._rows_per_file = rows, rows_per_file
        self._written = 0
        self._buffer: list[dict[str, Any]] = []
        self._buffered_bytes = 0
        self._open: ExitStack | None = None
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> SplitWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._flush()
            if self._written != self._rows:
                raise StickerworksError(
                    f"The tables changed while the release was written: {self._written} rows came, "
                    f"{self._rows} were announced.",
                    "Run the same command again.",
                )
        self._end_file()

    def add(self, row: dict[str, Any]) -> None:
        """Append one row of the release."""
        if self._written + len(self._buffer) >= self._rows:
            raise StickerworksError(
                f"The tables changed while the release was written: more than {self._rows} rows.",
                "Run the same command again.",
            )
        self._buffer.append(row)
        self._buffered_bytes += len(row["image"]["bytes"]) if row["image"] else 0
        in_file = (self._written + len(self._buffer)) % self._rows_per_file
        if len(self._buffer) == _GROUP_ROWS or self._buffered_bytes >= _GROUP_BYTES or in_file == 0:
            self._flush()

    def _flush(self) -> None:
        if not self._buffer:
            return
        if self._writer is None:
            self._open_file(self.files[self._written // self._rows_per_file])
        table = pa.Table.from_pylist(self._buffer, schema=release_schema())
        cast("pq.ParquetWriter", self._writer).write_table(table, row_group_size=_GROUP_ROWS)
        self._written += len(self._buffer)
        self.num_bytes += table.nbytes
        self._buffer, self._buffered_bytes = [], 0
        if self._written % self._rows_per_file == 0:
            self._end_file()

    def _open_file(self, path: Path) -> None:
        # A writer that fails to write a file's end, as on a full disk, would leave it open.
        with ExitStack() as opened:
            file = opened.enter_context(pa.OSFile(str(path), "wb"))
            self._writer = _open_writer(file)
            opened.callback(self._writer.close)
            self._open = opened.pop_all()

    def _end_file(self) -> None:
        if self._open is not None:
            opened, self._open, self._writer = self._open, None, None
            opened.close()


def _open_writer(file: pa.NativeFile) -> pq.ParquetWriter:
    schema = release_schema()
    leaves = _leaf_columns(schema)
    return pq.ParquetWriter(
        file,
        schema,
        compression={leaf: "NONE" if leaf == _IMAGE else "ZSTD" for leaf in leaves},
        use_dictionary=[leaf for leaf in leaves if leaf != _IMAGE],
        use_content_defined_chunking=True,
        write_page_index=True,
    )


def _leaf_columns(schema: pa.Schema) -> list[str]:
    """Parquet's names of the leaf columns: ``image.bytes``, ``tags.list.element``, ..."""
    leaves: list[str] = []
    for field in schema:
        if pa.types.is_struct(field.type):
            leaves += [f"{field.name}.{inner.name}" for inner in field.type]
        elif pa.types.is_list(field.type):
            leaves.append(f"{field.name}.list.element")
        else:
            leaves.append(field.name)
    return leaves
