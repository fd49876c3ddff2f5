"""Frames of a sticker as arrays: which ones a model sees, and how they are decoded."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.baselines.contract import Images

if TYPE_CHECKING:
    from PIL import Image

# Beyond that an animation's end is not looked at: a stranger's file may hold millions.
_MAX_FRAMES = 2_000
_FORMATS = ("GIF", "PNG", "JPEG", "WEBP", "BMP")
# What Pillow's decoders raise on broken files.
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Pick:
    """Which frames a model sees; ``name`` is part of a cache's key.

    ``choose`` maps the number of frames, at least 1, to their indices in order.
    """

    name: str
    choose: Callable[[int], tuple[int, ...]]


def _first(frames: int) -> tuple[int, ...]:
    return (0,)


def _ends(frames: int) -> tuple[int, ...]:
    return tuple(sorted({0, frames // 2, frames - 1}))


FIRST = Pick("first", _first)
ENDS = Pick("first, middle, last", _ends)
"""First, middle and last frame, each once: a still gives one."""


def clip(length: int) -> Pick:
    """Exactly ``length`` frames: evenly spread with first and last, or to and fro if too few.

    VSD2M fills short animations by such a flip (its experimental set-up).
    """
    return Pick(f"clip of {length}", partial(_clip, length=length))


def _clip(frames: int, length: int) -> tuple[int, ...]:
    if frames >= length:
        return tuple(int(n) for n in np.linspace(0, frames - 1, length).round())
    period = max(1, 2 * frames - 2)
    return tuple(min(n % period, period - n % period) for n in range(length))


def decode_frames(data: bytes, pick: Pick, side: int) -> tuple[Images, int]:
    """Picked frames (F, side, side, 3) on white with proportions kept, and the file's frames.

    An animation that breaks off is taken as ending there. Raises one of ``UNREADABLE`` when the
    first frame can't be decoded.
    """
    from PIL import Image

    from pipeline.engine.images import reading_images

    try:
        with reading_images(), Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            first = _fit(image, side)
            if pick.choose(_MAX_FRAMES) == (0,):
                return first[None], _count_frames(image)
            return _decode_picked(image, first, pick, side)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(str(error)) from error


def decode_first_frame(data: bytes, side: int) -> Images:
    """First frame (side, side, 3) on white, its proportions kept."""
    frames: Images = decode_frames(data, FIRST, side)[0][0]
    return frames


def to_jpeg(frame: Images) -> bytes:
    """A frame (side, side, 3) as JPEG, quality 95, without chroma subsampling."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def from_jpegs(frames: Sequence[Any]) -> Images:
    """Frames that ``to_jpeg`` wrote, as an array (F, side, side, 3)."""
    from PIL import Image

    decoded = []
    for frame in frames:
        with Image.open(io.BytesIO(frame), formats=("JPEG",)) as image:
            decoded.append(np.asarray(image))
    return np.stack(decoded)


def tell_unreadable(error: Exception) -> str:
    """Why an image can't be decoded, in the same words on every run."""
    from PIL import UnidentifiedImageError

    # Pillow's own words hold an address in memory.
    if isinstance(error, UnidentifiedImageError):
        return "not an image of a known format"
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(".")


def _decode_picked(image: Image.Image, first: Images, pick: Pick, side: int) -> tuple[Images, int]:
    count, frames = _count_frames(image), {0: first}
    while True:
        wanted = pick.choose(count)
        try:
            for index in sorted(set(wanted) - set(frames)):
                image.seek(index)
                frames[index] = _fit(image, side)
        except UNREADABLE:
            count = _last_readable(image, index) + 1
            continue
        return np.stack([frames[index] for index in wanted]), count


def _last_readable(image: Image.Image, broken: int) -> int:
    """Index of the last frame before ``broken`` that decodes; the first one does."""
    for index in range(broken - 1, 0, -1):
        try:
            image.seek(index)
            image.load()
        except UNREADABLE:
            continue
        return index
    return 0


def _count_frames(image: Image.Image) -> int:
    try:
        return min(_MAX_FRAMES, int(getattr(image, "n_frames", 1)))
    except UNREADABLE:
        return 1


def _fit(image: Image.Image, side: int) -> Images:
    from PIL import Image

    if image.mode.startswith("I"):
        # 16 bits a pixel, which Pillow would cut at 255 instead of scaling.
        image = Image.fromarray((np.asarray(image, np.float64) / 257).clip(0, 255).astype(np.uint8))
    picture = image.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    canvas = Image.new("RGB", (side, side), "white")
    small = white.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    canvas.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(canvas)
