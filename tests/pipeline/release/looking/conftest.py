"""Small releases of drawn stickers with the columns that are measured on them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from pipeline.engine.decoding.measured import measure
from schemas.config import DecodeConfig

Row = dict[str, Any]
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("format", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("frames", pa.int32()),
        ("duration_ms", pa.int32()),
        ("animated", pa.bool_()),
        ("aspect", pa.float64()),
        ("entropy", pa.float64()),
        ("ocr_text", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("tags", pa.list_(pa.string())),
    ]
)


def draw(seed: int) -> Image.Image:
    """A picture like no other."""
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (160, 160), tuple(random.integers(0, 255, 3).tolist()))
    pen = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, size = random.integers(0, 130, 3).tolist()
        box = (x, y, x + 10 + size // 2, y + 10 + size // 2)
        pen.ellipse(box, fill=tuple(random.integers(0, 255, 3).tolist()))
    return picture


def encode(picture: Image.Image, kind: str = "png", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def make(data: bytes | None, kind: str = "png", **changes: Any) -> Row:
    """A row whose columns are those of its file."""
    found = measure(data, kind, DecodeConfig()).signals if data else {}
    return {
        "id": hashlib.sha256(data or b"").hexdigest(),
        "image": None if data is None else {"bytes": data, "path": None},
        "format": kind,
        "ocr_text": None,
        "tags": [],
        **{name: found.get(name) for name in SCHEMA.names if name in found},
        **changes,
    }


@pytest.fixture
def picture() -> Callable[[int], Image.Image]:
    return draw


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    return encode


@pytest.fixture
def row() -> Callable[..., Row]:
    """``row(data, format, **columns)``; the columns that are left out are the file's."""
    return make


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., Path]:
    """Write rows by split; return the folder."""

    def write(name: str = "drawn-0.1.0", **splits: list[Row]) -> Path:
        folder = tmp_path / name
        (folder / "data").mkdir(parents=True)
        for split, rows in splits.items():
            path = folder / "data" / f"{split}-00000-of-00001.parquet"
            pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path, row_group_size=7)
        return folder

    return write
