"""Small stickers, drawn here, as the bytes of files."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image, ImageDraw

from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.tables import MEDIA, STICKERS

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


@pytest.fixture
def filled(tmp_path: Path) -> Callable[[Sequence[Sequence[bytes]]], Workspace]:
    """Build a workspace of files, given by shard."""

    def build(shards: Sequence[Sequence[bytes]]) -> Workspace:
        workspace = Workspace(tmp_path / "workspace")
        for part, files in enumerate(shards):
            names = [hashlib.sha256(data).hexdigest() for data in files]
            for name, data in zip(names, files, strict=True):
                path = workspace.root / "files" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            kinds = ["gif" if data.startswith(b"GIF") else "png" for data in files]
            stickers = [{"id": n, "format": k} for n, k in zip(names, kinds, strict=True)]
            media = [{"id": name, "path": f"files/{name}"} for name in names]
            for table, rows in ((STICKERS, stickers), (MEDIA, media)):
                made = pa.Table.from_pylist(rows, schema=table.schema)
                workspace.write(table.name, part, made, Proof("test", "test"))
        return workspace

    return build
