"""Frames to files."""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image

from pipeline.demo.render import flatten

Kind = Literal["png", "jpeg", "webp", "gif", "apng"]
EXTENSIONS: dict[Kind, str] = {
    "png": "png",
    "jpeg": "jpg",
    "webp": "webp",
    "gif": "gif",
    "apng": "png",
}


def encode(frames: list[Image.Image], kind: Kind, duration_ms: int = 100) -> bytes:
    """Bytes of a file with these frames; stills take the first one."""
    first = frames[0]
    match kind:
        case "png":
            return save(first, "PNG", compress_level=6)
        case "jpeg":
            return save(flatten(first), "JPEG", quality=92)
        case "apng":
            rest = frames[1:]
            return save(first, "PNG", save_all=True, append_images=rest, duration=duration_ms)
        case "webp":
            if len(frames) == 1:
                return save(first, "WEBP", quality=88, method=2)
            return save_webp(frames, [duration_ms] * len(frames), quality=85, method=0)
        case "gif":
            paletted = [_reduce(frame) for frame in frames]
            return save_gif(paletted, duration_ms)


def save_gif(paletted: list[Image.Image], duration_ms: int) -> bytes:
    """GIF of paletted frames that loops for ever."""
    first, *rest = paletted
    if not rest:
        return save(first, "GIF")
    return save(first, "GIF", save_all=True, append_images=rest, duration=duration_ms, loop=0)


def save_webp(frames: list[Image.Image], durations: list[int], **options: object) -> bytes:
    """Animated WebP that loops for ever."""
    first, *rest = frames
    return save(
        first,
        "WEBP",
        save_all=True,
        append_images=rest,
        duration=durations,
        loop=0,
        **options,
    )


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    """Bytes that Pillow writes for an image."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _reduce(frame: Image.Image) -> Image.Image:
    method = Image.Quantize.FASTOCTREE
    return flatten(frame).quantize(64, method=method, dither=Image.Dither.NONE)
