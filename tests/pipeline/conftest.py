"""Releases of drawn shapes, written as the release room writes them: columns and file names."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

TAGS = ("circle", "square", "cross", "stripes")
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("tags", pa.list_(pa.string())),
        ("label_status", pa.string()),
        ("suggested_tags", pa.list_(pa.string())),
        ("duplicate_group", pa.string()),
        ("template_id", pa.string()),
        ("simulated", pa.bool_()),
        ("caption_en", pa.string()),
        ("captioner", pa.string()),
        ("ocr_text", pa.string()),
        ("domain", pa.string()),
    ]
)
Rows = list[dict[str, Any]]


def draw(shape: str, seed: int) -> bytes:
    """A shape of random size, place and colours."""
    dice = random.Random(f"{shape} {seed}")
    colour = tuple(dice.randrange(90) for _ in range(3))
    image = Image.new("RGB", (64, 64), tuple(dice.randrange(150, 256) for _ in range(3)))
    pen, x, y, r = ImageDraw.Draw(image), dice.randrange(20, 44), dice.randrange(20, 44), 15
    box = (x - r, y - r, x + r, y + r)
    if shape == "circle":
        pen.ellipse(box, outline=colour, width=4)
    elif shape == "square":
        pen.rectangle(box, fill=colour)
    elif shape == "cross":
        pen.line(box, fill=colour, width=5)
        pen.line((x - r, y + r, x + r, y - r), fill=colour, width=5)
    else:
        for offset in range(-15, 16, 6):
            pen.line((x - r, y + offset, x + r, y + offset), fill=colour, width=2)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def make_row(shape: str, seed: int, **changes: Any) -> dict[str, Any]:
    """One row of a release whose effective tag is its shape."""
    data = draw(shape, seed)
    id_ = hashlib.sha256(data).hexdigest()
    return {
        "id": id_,
        "image": {"bytes": data, "path": f"{id_}.png"},
        "tags": [shape],
        "label_status": "effective",
        "suggested_tags": [],
        "duplicate_group": id_,
        "template_id": id_,
        "simulated": False,
        **changes,
    }


def make_shapes(count: int, first: int = 0, **changes: Any) -> Rows:
    """Rows that go round the shapes."""
    return [make_row(TAGS[n % len(TAGS)], first + n, **changes) for n in range(count)]


def make_gif(*images: bytes) -> bytes:
    """An animation with a frame for each image."""
    first, *rest = (Image.open(io.BytesIO(data)).convert("RGB") for data in images)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=100, loop=0)
    return file.getvalue()


@pytest.fixture
def write_release(tmp_path: Path) -> Callable[..., Path]:
    """Write rows by split as Parquet shards; return the release's folder."""

    def write(**splits: Rows) -> Path:
        folder = tmp_path / "drawn-0.1.0"
        (folder / "data").mkdir(parents=True)
        for split, rows in splits.items():
            table = pa.Table.from_pylist(rows, schema=SCHEMA)
            name = f"{split}-00000-of-00001.parquet"
            pq.write_table(table, folder / "data" / name, row_group_size=10)
        return folder

    return write


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """Make one row: ``row(shape, seed, **columns)``."""
    return make_row


@pytest.fixture
def shapes() -> Callable[..., Rows]:
    """Make rows that go round four shapes: ``shapes(count, first_seed, **columns)``."""
    return make_shapes


@pytest.fixture
def gif() -> Callable[..., bytes]:
    """Make an animation of images."""
    return make_gif


@pytest.fixture
def still() -> bytes:
    """A sticker of a few colours, which a GIF keeps as they are."""
    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).ellipse((10, 10, 50, 50), fill="blue")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def blank() -> bytes:
    """A picture of the still's size with nothing on it."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def appearing(gif: Callable[..., bytes], blank: bytes, still: bytes) -> bytes:
    """An animation that begins with nothing and then shows the still."""
    return gif(blank, still)


class Silent:
    """A display that remembers the rows and shards it was told of."""

    def __init__(self) -> None:
        self.shards = 0
        self.told: list[tuple[int, int]] = []

    @property
    def seen(self) -> list[int]:
        return [rows for rows, _ in self.told]

    def start(self, name: str, rows: int, shards: int) -> None:
        self.shards = shards
        self.told.clear()

    def progress(self, rows_done: int, shards_done: int) -> None:
        self.told.append((rows_done, shards_done))

    def stop(self) -> None: ...


@pytest.fixture
def display() -> Silent:
    return Silent()
