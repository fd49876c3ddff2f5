"""Parquet files of a release, written in groups of rows."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.engine.columns import entries
from pipeline.engine.errors import StickerworksError
from pipeline.release.features import release_schema

# Random access to one image reads its whole row group: 100 rows cost 3 ms, 1,000 cost 87 ms.
GROUP_ROWS = 100
# Where no row carries an image there is none to look up, and text packs better in large groups.
BARE_GROUP_ROWS = 10_000
# Keeps memory flat, and the offsets of a binary column far below 2 GiB, when files are large.
GROUP_BYTES = 64_000_000


class SplitWriter:
    """Writes one split as ``SPLIT-00000-of-0000N.parquet``; the number of rows is known before.

    Image bytes stay uncompressed and without a dictionary, so that content-defined chunks of
    two releases that differ in a few rows are the same. Without a ``schema`` it is a release's.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        rows: int,
        rows_per_file: int,
        group_rows: int,
        schema: pa.Schema | None = None,
    ) -> None:
        self.files = [
            folder / f"{split}-{n:05d}-of-{-(-rows // rows_per_file):05d}.parquet"
            for n in range(-(-rows // rows_per_file))
        ]
        self.num_bytes = 0
        self._rows, self._rows_per_file, self._group_rows = rows, rows_per_file, group_rows
        self._written = 0
        self._schema = release_schema() if schema is None else schema
        self._waiting = self._schema.empty_table()
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
            self._check_count(self._written != self._rows)
        self._end_file()

    def add(self, rows: pa.Table) -> None:
        """Append rows of the release."""
        self._waiting = pa.concat_tables([self._waiting, _released(rows, self._schema)])
        self._check_count(self._written + len(self._waiting) > self._rows)
        while len(self._waiting) and (size := self._group_size()) <= len(self._waiting):
            self._write_group(size)

    def _check_count(self, wrong: bool) -> None:
        if wrong:
            raise StickerworksError(
                "The tables changed while the release was written: "
                f"{self._written + len(self._waiting)} rows came, {self._rows} were announced.",
                "Run the same command again.",
            )

    def _group_size(self) -> int:
        """Rows of the next group: its bytes, or the end of the file, may end it before its rows."""
        left = self._rows_per_file - self._written % self._rows_per_file
        most = min(self._group_rows, left, self._rows - self._written)
        total = np.cumsum(_image_bytes(self._waiting.slice(0, most)))
        return min(int(np.searchsorted(total, GROUP_BYTES)) + 1, most)

    def _write_group(self, size: int) -> None:
        if self._writer is None:
            self._open_file(self.files[self._written // self._rows_per_file])
        # In one piece each, so that pages and sizes don't depend on how the rows came.
        columns = [
            column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
            for column in self._waiting.slice(0, size).columns
        ]
        group = pa.table(columns, schema=self._schema)
        cast("pq.ParquetWriter", self._writer).write_table(group, row_group_size=size)
        self._waiting = self._waiting.slice(size)
        self._written += size
        self.num_bytes += group.nbytes
        if self._written % self._rows_per_file == 0:
            self._end_file()

    def _open_file(self, path: Path) -> None:
        # A writer that fails to write a file's end, as on a full disk, would leave it open.
        with ExitStack() as opened:
            file = opened.enter_context(pa.OSFile(str(path), "wb"))
            self._writer = parquet_writer(file, self._schema)
            opened.callback(self._writer.close)
            self._open = opened.pop_all()

    def _end_file(self) -> None:
        if self._open is not None:
            opened, self._open, self._writer = self._open, None, None
            opened.close()


def _released(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of a release of these rows; without images where there is none among them."""
    if "image" in schema.names and "image" not in rows.schema.names:
        rows = rows.append_column("image", pa.nulls(len(rows), schema.field("image").type))
    return rows.select(schema.names).cast(schema)


def _image_bytes(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Bytes of each row's images."""
    total = np.zeros(len(rows), np.int64)
    for field in rows.schema:
        several = pa.types.is_list(field.type)
        if not pa.types.is_struct(field.type.value_type if several else field.type):
            continue
        if several:
            at, images = entries(rows[field.name])
        else:
            at, images = np.arange(len(rows)), rows[field.name].combine_chunks()
        sizes = pc.fill_null(pc.binary_length(pc.struct_field(images, "bytes")), 0)
        np.add.at(total, at, sizes.to_numpy(False))
    return total


def parquet_writer(file: pa.NativeFile, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer with the settings of releases; its caller closes it."""
    leaves = _leaf_columns(schema)
    return pq.ParquetWriter(
        file,
        schema,
        compression={leaf: "NONE" if _is_image(leaf) else "ZSTD" for leaf in leaves},
        use_dictionary=[leaf for leaf in leaves if not _is_image(leaf)],
        use_content_defined_chunking=True,
        write_page_index=True,
    )


def _is_image(leaf: str) -> bool:
    return leaf.endswith(".bytes")


def _leaf_columns(schema: pa.Schema) -> list[str]:
    """Parquet's names of the leaf columns: ``image.bytes``, ``tags.list.element``, ..."""
    leaves: list[str] = []
    for field in schema:
        several = pa.types.is_list(field.type)
        name = f"{field.name}.list.element" if several else field.name
        inner = field.type.value_type if several else field.type
        leaves += [f"{name}.{part.name}" for part in inner] if pa.types.is_struct(inner) else [name]
    return leaves
