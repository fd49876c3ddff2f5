"""Releases of plain squares whose tag is their colour, for commands in processes of their own."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def draw(colour: str, side: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "PNG")
    return file.getvalue()


def write_squares(
    release: Path, colours: Mapping[str, str], splits: Mapping[str, tuple[int, int]]
) -> None:
    """Write rows of each split, by the side of its first square and their number; colours in turn,
    by their tags."""
    (release / "data").mkdir(parents=True)
    for split, (first, count) in splits.items():
        rows = []
        for n in range(count):
            tag, colour = list(colours.items())[n % len(colours)]
            name = f"{split} {n}"
            rows.append(
                {"id": name, "image": {"bytes": draw(colour, first + n), "path": name},
                 "tags": [tag], "label_status": "effective", "suggested_tags": ["blue"],
                 "duplicate_group": name, "template_id": None, "simulated": False}
            )  # fmt: skip
        path = release / "data" / f"{split}-00000-of-00001.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
