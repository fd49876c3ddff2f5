"""Small pictures as data URIs, made again from decoded pixels: no byte of the web is passed on."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from pipeline.engine.images import reading_images
from pipeline.engine.media import COLUMNS, MediaReader
from pipeline.engine.workspace import Workspace

SIDE = 96
_QUALITY = 78
_MOTION_FRAMES, _MOTION_BYTES, _MOTION_PIXELS = 12, 60_000, 40_000_000
_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")


@dataclass(frozen=True)
class PagePicture:
    """A still and, for a few, a short moving preview."""

    still: str
    motion: str | None = None


def load_pictures(
    workspace: Workspace, wanted: Iterable[str], moving: Sequence[str], side: int = SIDE
) -> dict[str, PagePicture]:
    """Pictures of the stickers by id, stills no larger than ``side``; those without key frames
    are left out.

    Key frames are read one shard at a time, and only where one of the stickers lies.
    """
    chosen = pa.array(sorted(set(wanted)), pa.string())
    motion = set(moving)
    pictures: dict[str, PagePicture] = {}
    media = workspace.media_reader()
    for part in workspace.parts:
        ids = workspace.read("stickers", part, ["id"])["id"]
        if not pc.any(pc.is_in(ids, value_set=chosen)).as_py():
            continue
        frames = workspace.read("frames", part, ["id", "key_frames"])
        frames = frames.filter(pc.is_in(frames["id"], value_set=chosen))
        places = _media(workspace, part, motion)
        for row in frames.to_pylist():
            if row["key_frames"]:
                still = draw_still(row["key_frames"][0], side)
                moves = still and row["id"] in places
                shown = _read(media, places[row["id"]]) if moves else None
                pictures[row["id"]] = PagePicture(still, draw_motion(shown) if shown else None)
    return {key: picture for key, picture in pictures.items() if picture.still}


def picture_bytes(picture: PagePicture) -> bytes:
    """The still as the bytes of a JPEG, for what is no page."""
    return base64.b64decode(picture.still.partition(",")[2])


def animated_among(workspace: Workspace, wanted: Iterable[str]) -> list[str]:
    """Those of the stickers that move, sorted."""
    chosen = pa.array(sorted(set(wanted)), pa.string())
    moving: list[str] = []
    for parts in workspace.blocks:
        table = workspace.read("signals", parts, ["id", "animated"])
        here = pc.is_in(table["id"], value_set=chosen)
        animated = table.filter(pc.and_(here, pc.fill_null(table["animated"], False)))
        moving += animated["id"].to_pylist()
    return sorted(moving)


def _media(workspace: Workspace, part: int, motion: set[str]) -> dict[str, dict[str, Any]]:
    table = workspace.read("media", part, COLUMNS)
    table = table.filter(pc.is_in(table["id"], value_set=pa.array(sorted(motion), pa.string())))
    return {row["id"]: row for row in table.to_pylist()}


def _read(media: MediaReader, place: Mapping[str, Any]) -> bytes | None:
    try:
        return media.read_unchecked(place)
    except OSError:  # a page does without what moves
        return None


def draw_still(key_frame: Mapping[str, Any], side: int = SIDE) -> str:
    """A small JPEG of a key frame; empty where it can't be read."""
    try:
        with Image.open(io.BytesIO(key_frame["jpeg"] or b""), formats=["JPEG"]) as image:
            picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return ""
    picture.thumbnail((side, side))
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=_QUALITY, optimize=True)
    return _uri("jpeg", target.getvalue())


def draw_motion(data: bytes) -> str | None:
    """A GIF of at most a dozen small frames; None where the file doesn't allow one."""
    try:
        with reading_images(), Image.open(io.BytesIO(data), formats=_FORMATS) as image:
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
