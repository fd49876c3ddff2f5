"""Small pictures as data URIs, made again from decoded pixels: no byte of the web is passed on."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from pipeline.engine.images import reading_images
from pipeline.engine.workspace import Workspace

SIDE = 96
_QUALITY = 78
_MOTION_FRAMES, _MOTION_BYTES, _MOTION_PIXELS = 12, 60_000, 40_000_000
_FORMATS = ("GIF", "PNG", "WEBP")


@dataclass(frozen=True)
class PagePicture:
    """A still and, for a few, a short moving preview."""

    still: str
    motion: str | None = None


def load_pictures(
    workspace: Workspace, wanted: Iterable[str], moving: Sequence[str]
) -> dict[str, PagePicture]:
    """Pictures of the stickers by id; those without key frames are left out.

    Key frames are read one shard at a time, and only where one of the stickers lies.
    """
    chosen = pa.array(sorted(set(wanted)), pa.string())
    motion = set(moving)
    pictures: dict[str, PagePicture] = {}
    for part in workspace.parts:
        ids = workspace.read("stickers", part, ["id"])["id"]
        if not pc.any(pc.is_in(ids, value_set=chosen)).as_py():
            continue
        frames = workspace.read("frames", part, ["id", "key_frames"])
        frames = frames.filter(pc.is_in(frames["id"], value_set=chosen))
        paths = _media_paths(workspace, part, motion)
        for row in frames.to_pylist():
            if row["key_frames"]:
                pictures[row["id"]] = _picture(row["key_frames"][0], paths.get(row["id"]))
    return {key: picture for key, picture in pictures.items() if picture.still}


def _media_paths(workspace: Workspace, part: int, motion: set[str]) -> dict[str, Path]:
    table = workspace.read("media", part, ["id", "path"])
    table = table.filter(pc.is_in(table["id"], value_set=pa.array(sorted(motion), pa.string())))
    return {row["id"]: workspace.root / row["path"] for row in table.to_pylist() if row["path"]}


def _picture(key_frame: Mapping[str, Any], media: Path | None) -> PagePicture:
    try:
        with Image.open(io.BytesIO(key_frame["jpeg"] or b""), formats=["JPEG"]) as image:
            picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return PagePicture("")
    picture.thumbnail((SIDE, SIDE))
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=_QUALITY, optimize=True)
    still = _uri("jpeg", target.getvalue())
    return PagePicture(still, None if media is None else draw_motion(media))


def draw_motion(path: Path) -> str | None:
    """A GIF of at most a dozen small frames; None where the file doesn't allow one."""
    try:
        with reading_images(), Image.open(path, formats=_FORMATS) as image:
            count = getattr(image, "n_frames", 1)
            if count < 2 or image.width * image.height * count > _MOTION_PIXELS:
                return None
            frames, durations = _sampled(image, count)
    except Exception:  # noqa: BLE001 - Pillow raises errors of nearly any type on damaged files
        return None
    target = io.BytesIO()
    frames[0].save(
        target, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0
    )
    content = target.getvalue()
    return _uri("gif", content) if len(content) <= _MOTION_BYTES else None


def _sampled(image: Image.Image, count: int) -> tuple[list[Image.Image], list[int]]:
    step = -(-count // _MOTION_FRAMES)
    frames: list[Image.Image] = []
    durations: list[int] = []
    for index in range(count):
        image.seek(index)
        image.load()
        duration = int(image.info.get("duration") or 0)
        # Browsers show frames that claim less than 20 ms for 100 ms.
        duration = 100 if duration < 20 else min(duration, 2000)
        if index % step:
            durations[-1] += duration
            continue
        picture = image.convert("RGBA")
        picture.thumbnail((SIDE, SIDE))
        flat = Image.new("RGBA", picture.size, "white")
        flat.alpha_composite(picture)
        frames.append(flat.convert("RGB").quantize(64))
        durations.append(duration)
    return frames, durations


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
