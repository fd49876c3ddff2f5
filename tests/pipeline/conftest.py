"""Releases of drawn shapes, written as the release room writes them; and small drawn stickers."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable, Sequence
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


Encode = Callable[..., bytes]


def encode(frames: Image.Image | Sequence[Image.Image], kind: str, **options: Any) -> bytes:
    """A file of the given format; several frames make an animation."""
    pictures = [frames] if isinstance(frames, Image.Image) else list(frames)
    out = io.BytesIO()
    if len(pictures) > 1:
        options |= {"save_all": True, "append_images": pictures[1:]}
    if kind == "webp":
        options = {"lossless": True, "exact": True} | options
    pictures[0].save(out, "PNG" if kind == "apng" else kind.upper(), **options)
    return out.getvalue()


def disc(
    size: tuple[int, int] = (64, 48),
    at: float = 0.5,
    colour: str = "red",
    ground: str | tuple[int, int, int, int] = "white",
    mode: str = "RGB",
) -> Image.Image:
    """A disc, ``at`` of the way from left to right."""
    picture = Image.new(mode, size, ground)
    width, height = size
    x = at * width
    box = [x - height / 4, height / 4, x + height / 4, 3 * height / 4]
    ImageDraw.Draw(picture).ellipse(box, fill=colour)
    return picture


def face(size: int = 200, caption: str = "", blink: bool = False, tilt: float = 0) -> Image.Image:
    """A busy picture with room for a caption below."""
    picture = Image.new("RGB", (256, 256), "ivory")
    pen = ImageDraw.Draw(picture)
    pen.ellipse([40, 10, 216, 186], fill="gold", outline="black", width=5)
    pen.polygon([(60, 30), (40, 0), (110, 14)], fill="brown")
    for x in (90, 150):
        box = [x, 70, x + 22, 74 if blink else 100]
        pen.ellipse(box, fill="black")
    pen.arc([80, 90, 176, 160], 20, 160, fill="darkred", width=7)
    picture = picture.rotate(tilt, fillcolor="ivory")
    ImageDraw.Draw(picture).text((12, 200), caption, fill="black", font_size=34)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


@pytest.fixture(name="encode")
def _encode() -> Encode:
    return encode


@pytest.fixture(name="disc")
def _disc() -> Callable[..., Image.Image]:
    return disc


@pytest.fixture(name="face")
def _face() -> Callable[..., Image.Image]:
    return face
