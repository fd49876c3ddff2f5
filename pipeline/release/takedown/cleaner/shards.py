"""Parquet files without the rows of stickers that were taken down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.release.takedown.cleaner.named import TakenDown, replacing

_KEYS = ("id", "sha256", "sticker")
_ADDRESSES = ("media_url", "page_url", "final_url")
_REFERENCES = ("template_id", "group", "duplicate_group", "first", "second", "same_as", "still_of")


def named_rows(path: Path, gone: TakenDown, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    """Rows of a Parquet file that were taken down, those of ``columns`` that it has."""
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        keys = [name for name in (*_KEYS, *_ADDRESSES) if name in names]
        if not keys:
            return
        wanted = [name for name in columns if name in names]
        for group in range(file.num_row_groups):
            chosen = pc.invert(_kept(file.read_row_group(group, keys), gone))
            if pc.any(chosen).as_py():
                yield file.read_row_group(group, wanted).filter(chosen)


def is_touched(path: Path, gone: TakenDown) -> bool:
    """Whether a Parquet file has rows, or names, that were taken down."""
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        keys = [name for name in (*_KEYS, *_ADDRESSES, *_REFERENCES) if name in names]
        for group in range(file.num_row_groups if keys else 0):
            rows = file.read_row_group(group, keys)
            if not pc.all(_kept(rows, gone), min_count=0).as_py() or _refers(rows, gone):
                return True
    return False


def rewrite_shard(path: Path, gone: TakenDown) -> None:
    """Write a Parquet file anew without what was taken down, group by group, as it was written."""
    with pq.ParquetFile(path) as file, replacing(path) as temporary:
        schema = file.schema_arrow
        with pq.ParquetWriter(temporary, schema, **_options(file.metadata)) as writer:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group)
                rows = _renamed(rows.filter(_kept(rows, gone)), gone).cast(schema)
                if len(rows):
                    writer.write_table(rows, row_group_size=len(rows))


def _kept(rows: pa.Table, gone: TakenDown) -> pa.ChunkedArray:
    kept = pa.chunked_array([pa.repeat(pa.scalar(True), len(rows))])
    ids = pa.array(sorted(gone.ids), pa.string())
    for name in _KEYS:
        if name in rows.column_names and _is_text(rows.schema.field(name).type):
            kept = pc.and_(kept, pc.invert(pc.is_in(rows[name].cast(pa.string()), value_set=ids)))
    for name in _ADDRESSES if gone.addresses else ():
        if name in rows.column_names:
            found = [gone.names_address(url) for url in rows[name].to_pylist()]
            kept = pc.and_(kept, pc.invert(pa.array(found, pa.bool_())))
    return kept


def _refers(rows: pa.Table, gone: TakenDown) -> bool:
    ids = pa.array(sorted(gone.ids), pa.string())
    return any(
        pc.any(pc.is_in(rows[name].cast(pa.string()), value_set=ids)).as_py()
        for name in _REFERENCES
        if name in rows.column_names and _is_text(rows.schema.field(name).type)
    )


def _renamed(rows: pa.Table, gone: TakenDown) -> pa.Table:
    """Rows in which no template or group bears the id of a sticker that is gone."""
    for name in _REFERENCES:
        if name not in rows.column_names or not _refers(rows.select([name]), gone):
            continue
        texts = [
            gone.new_name(name, text) if text in gone.ids else text
            for text in rows[name].to_pylist()
        ]
        place = rows.column_names.index(name)
        field = rows.schema.field(name)
        rows = rows.set_column(place, field, pa.array(texts, field.type))
    return rows


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _options(metadata: Any) -> dict[str, Any]:
    """How a file was written, as far as its footer says."""
    compression, dictionaries, checked = {}, [], False
    if metadata.num_row_groups:
        group = metadata.row_group(0)
        for place in range(group.num_columns):
            column = group.column(place)
            name = column.path_in_schema
            compression[name] = column.compression.replace("UNCOMPRESSED", "NONE")
            if any("DICTIONARY" in encoding for encoding in column.encodings):
                dictionaries.append(name)
        checked = bool(group.column(0).has_offset_index)
    return {
        "compression": compression or "zstd",
        "use_dictionary": dictionaries or False,
        "use_content_defined_chunking": True,
        "write_page_index": checked,
    }
