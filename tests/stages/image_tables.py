"""Hugging Face image data sets on disk, as `datasets` writes them, and pictures for them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

IMAGE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])


def picture(number: int, side: int = 48) -> bytes:
    """A PNG of its own, in which nobody reads a text."""
    noise = np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((side, side), Image.Resampling.BILINEAR).save(file, "PNG")
    return file.getvalue()


def image_table(
    columns: Mapping[str, Sequence[Any]],
    features: Mapping[str, Any] | None = None,
    types: Mapping[str, pa.DataType] | None = None,
) -> pa.Table:
    """A table with the features that `datasets` notes beside the schema."""
    kinds = dict(types or {})
    arrays = {name: pa.array(values, kinds.get(name)) for name, values in columns.items()}
    said = {"huggingface": json.dumps({"info": {"features": features or {}}})}
    return pa.table(arrays).replace_schema_metadata(said)


def write_table(path: Path, table: pa.Table) -> Path:
    """Write a table as Parquet or, where the name ends in ``.arrow``, as a stream of Arrow's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".arrow":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
    else:
        pq.write_table(table, path)
    return path
