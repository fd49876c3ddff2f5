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

from pipeline.engine.key_frames import Pixels, displayed_ms, sample, thumbnails
from pipeline.engine.key_frames import choose as choose_key_frames
from pipeline.training.arrays import Images

if TYPE_CHECKING:
    from PIL import Image

# Beyond that an animation's end is not looked at: a stranger's file may hold millions.
_MAX_FRAMES = 2_000
# Nor of one that the filter would refuse, to find its key frame: all of that has to be decoded.
_MAX_ANIMATED_PIXELS = 200_000_000
_WHITE = 255
_FORMATS = ("GIF", "PNG", "JPEG", "WEBP", "AVIF", "BMP")
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

    ``choose`` maps the number of frames, at least 1, to their indices in order; None is for the
    key frame, which depends on what the frames show.
    """

    name: str
    choose: Callable[[int], tuple[int, ...]] | None = None


def _ends(frames: int) -> tuple[int, ...]:
    return tuple(sorted({0, frames // 2, frames - 1}))


KEY_FRAME = Pick("key frame")
"""The one frame that stands for an animation, as the filter chooses it: held longest, and of
equals the one of most contrast. The papers' stills are such frames; the first may be blank."""
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
            first = _fit(_seek(image, 0), side)
            count = _count_frames(image)
            if pick.choose is not None:
                return _decode_picked(image, {0: first}, count, pick.choose)
            return (first[None], 1) if count == 1 else _decode_key_frame(image, count, side)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(str(error)) from error


def decode_key_frame(data: bytes, side: int) -> Images:
    """Key frame (side, side, 3) on white, its proportions kept."""
    frames: Images = decode_frames(data, KEY_FRAME, side)[0][0]
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


def _decode_key_frame(image: Image.Image, count: int, side: int) -> tuple[Images, int]:
    samples, durations = [], []
    most = max(1, _MAX_ANIMATED_PIXELS // (image.width * image.height))
    for index in range(min(count, most)):
        try:
            samples.append(sample(_pixels(_seek(image, index))))
        except UNREADABLE:
            count = index
            break
        durations.append(displayed_ms(round(image.info.get("duration") or 0)))
    (key,) = choose_key_frames(thumbnails(samples, _WHITE), durations, 1)
    return _fit(_seek(image, key), side)[None], count


def _decode_picked(
    image: Image.Image,
    frames: dict[int, Images],
    count: int,
    choose: Callable[[int], tuple[int, ...]],
) -> tuple[Images, int]:
    side = len(frames[0])
    while True:
        wanted = choose(count)
        try:
            for index in sorted(set(wanted) - set(frames)):
                frames[index] = _fit(_seek(image, index), side)
        except UNREADABLE:
            count = _last_readable(image, index) + 1
            continue
        return np.stack([frames[index] for index in wanted]), count


def _last_readable(image: Image.Image, broken: int) -> int:
    """Index of the last frame before ``broken`` that decodes; the first one does."""
    for index in range(broken - 1, 0, -1):
        try:
            _seek(image, index).load()
        except UNREADABLE:
            continue
        return index
    return 0


def _count_frames(image: Image.Image) -> int:
    if image.format == "MPO":
        # A JPEG with a second picture, such as a depth map, is no animation.
        return 1
    try:
        return min(_MAX_FRAMES, int(getattr(image, "n_frames", 1)) - _skipped(image))
    except UNREADABLE:
        return 1


def _seek(image: Image.Image, index: int) -> Image.Image:
    image.seek(index + _skipped(image))
    return image


def _skipped(image: Image.Image) -> int:
    # What an APNG shows where nothing moves is not part of its animation.
    return int(bool(getattr(image, "default_image", False)))


def _pixels(image: Image.Image) -> Pixels:
    rgba = np.asarray(_rgba(image))
    words: Pixels = np.ascontiguousarray(rgba).view("<u4")[..., 0]
    return words


def _rgba(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith("I"):
        # 16 bits a pixel, which Pillow would cut at 255 instead of scaling.
        image = Image.fromarray((np.asarray(image, np.float64) / 257).clip(0, 255).astype(np.uint8))
    return image.convert("RGBA")


def _fit(image: Image.Image, side: int) -> Images:
    from PIL import Image

    picture = _rgba(image)
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    canvas = Image.new("RGB", (side, side), "white")
    small = white.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    canvas.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(canvas)
