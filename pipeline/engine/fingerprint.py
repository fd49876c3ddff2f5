"""Fingerprints: what decides a result, so that a change of any of it makes the result stale."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from schemas.tables import TABLES


def fingerprint(
    name: str, version: int, writes: Sequence[str], settings: Any, models: Mapping[str, str]
) -> str:
    """Hash of a stage's code version, its settings, its models and the schemas that it writes."""
    layout = {
        table: [f"{field.name}:{field.type}:{field.nullable}" for field in TABLES[table].schema]
        for table in writes
    }
    return hash_json([name, version, layout, settings, dict(models)])


def hash_json(value: Any) -> str:
    """sha256 of a value's canonical JSON; pydantic models are dumped."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def row_digests(tables: Sequence[pa.Table], ids: pa.Array) -> list[str]:
    """Digest of each sticker's rows in the given tables, which are grouped in the order of ids."""
    shas = [hashlib.sha256() for _ in range(len(ids))]
    for table in tables:
        batch = _one_batch(table)
        for sha, (start, length) in zip(shas, group_rows(table, ids), strict=True):
            sha.update(length.to_bytes(4, "big"))
            # take, not slice: a slice is serialised with its neighbours' bytes as padding.
            rows = batch.take(pa.array(range(start, start + length), pa.int32()))
            sha.update(bytes(rows.serialize()))
    return [sha.hexdigest()[:20] for sha in shas]


def group_rows(table: pa.Table, ids: pa.Array) -> list[tuple[int, int]]:
    """Start and length of each sticker's run of rows, for a table grouped in the order of ids."""
    runs = []
    start = 0
    values = table["id"].to_pylist()
    for sticker in ids.to_pylist():
        end = start
        while end < len(values) and values[end] == sticker:
            end += 1
        runs.append((start, end - start))
        start = end
    if start != len(values):
        raise ValueError(f"row {start} belongs to no sticker of the shard or is out of order")
    return runs


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    bare = pa.schema([pa.field(f.name, f.type, f.nullable) for f in table.schema])
    batches = pa.table(table.columns, schema=bare).combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=bare)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, date):  # YAML makes dates of what looks like one
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} can't be part of a fingerprint")
