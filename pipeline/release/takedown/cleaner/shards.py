"""Parquet files without the rows of stickers that were taken down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.release.takedown.cleaner.named import TakenDown, replacing

_KEYS = ("id", "sha256", "sticker")
_ADDRESSES = ("media_url", "page_url", "final_url")
REFERENCES = ("template_id", "group", "duplicate_group", "first", "second", "same_as", "still_of")
# How many must be left for a template or group to be one.
_LEAST_LEFT = {"template_id": 2, "group": 1, "duplicate_group": 1}


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
        keys = [name for name in (*_KEYS, *_ADDRESSES, *REFERENCES) if name in names]
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


def new_names(paths: Iterable[Path], gone: TakenDown) -> list[tuple[str, str, str]]:
    """Templates and groups that bear the id of a sticker which goes, by column, and the smallest
    id that is left of each."""
    left: dict[tuple[str, str], set[str]] = {}
    for path in paths:
        with pq.ParquetFile(path) as file:
            kinds = {field.name: field.type for field in file.schema_arrow}
            columns = [name for name in _LEAST_LEFT if _is_text(kinds.get(name, pa.null()))]
            if not columns or not _is_text(kinds.get("id", pa.null())):
                continue
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, ["id", *columns])
                rows = rows.filter(_kept(rows, gone))
                for name in columns:
                    where = pc.is_in(rows[name].cast(pa.string()), value_set=gone.id_array)
                    for row in rows.select(["id", name]).filter(where).to_pylist():
                        left.setdefault((name, row[name]), set()).add(row["id"] or "")
    return named_after(left)


def named_after(left: dict[tuple[str, str], set[str]]) -> list[tuple[str, str, str]]:
    """New names of templates and groups, by those that are left of them."""
    return [
        (name, old, min(ids))
        for (name, old), ids in sorted(left.items())
        if len(ids) >= _LEAST_LEFT[name]
    ]


def _kept(rows: pa.Table, gone: TakenDown) -> pa.ChunkedArray:
    kept = pa.chunked_array([pa.repeat(pa.scalar(True), len(rows))])
    ids = gone.id_array
    for name in _KEYS:
        if name in rows.column_names and _is_text(rows.schema.field(name).type):
            kept = pc.and_(kept, pc.invert(pc.is_in(rows[name].cast(pa.string()), value_set=ids)))
    for name in _ADDRESSES if gone.addresses else ():
        if name in rows.column_names:
            found = [gone.names_address(url) for url in rows[name].to_pylist()]
            kept = pc.and_(kept, pc.invert(pa.array(found, pa.bool_())))
    return kept


def _refers(rows: pa.Table, gone: TakenDown) -> bool:
    return any(
        pc.any(pc.is_in(rows[name].cast(pa.string()), value_set=gone.id_array)).as_py()
        for name in REFERENCES
        if name in rows.column_names and _is_text(rows.schema.field(name).type)
    )


def _renamed(rows: pa.Table, gone: TakenDown) -> pa.Table:
    """Rows in which no template or group bears the id of a sticker that is gone."""
    for name in REFERENCES:
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
