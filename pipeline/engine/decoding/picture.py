"""What is measured on one picture: composited, as grey levels, hashed, and as JPEG."""

from __future__ import annotations

import io
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.engine.decoding.frames import OPAQUE, Frame

WHITE, DARK = 255, 40
JPEG_QUALITY = 90
GREY_SIDE = 64
_LOW, _NEXT = 8, 18
_BLANK = 16
"""Grey levels between darkest and lightest pixel below which nobody sees anything."""


def compose(frame: Frame, ground: int) -> Image.Image:
    """The frame on a grey background; RGBX, sharing its memory, where none shows through, or RGB.

    Pillow scales, greys and saves both alike.
    """
    height, width = frame.pixels.shape
    mode = "RGBX" if frame.lowest >= OPAQUE else "RGBA"
    picture = Image.frombuffer(mode, (width, height), frame.pixels, "raw", mode, 0, 1)
    if mode == "RGBX":
        return picture
    canvas = Image.new("RGB", picture.size, (ground, ground, ground))
    canvas.paste(picture, mask=picture)
    return canvas


def is_blank(grey: Image.Image) -> bool:
    """Whether nothing can be seen in a grey picture."""
    levels = np.asarray(grey)
    return int(levels.max()) - int(levels.min()) < _BLANK


def grey_levels(grey: Image.Image) -> bytes:
    """64x64 grey levels of a grey picture, row by row; 4,096 bytes."""
    # Averaging whole blocks first is several times faster than one filter over every pixel.
    blocks = grey.reduce((max(1, grey.width // GREY_SIDE), max(1, grey.height // GREY_SIDE)))
    return blocks.resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BILINEAR).tobytes()


def perceptual_hash(levels: bytes) -> bytes:
    """64 bits: which of the 8x8 lowest cosine frequencies of 64x64 grey levels lie above their
    median; 8 bytes. A mirrored picture, or one cropped by a few percent, gets an unrelated hash.
    """
    return perceptual_hashes(np.frombuffer(levels, np.uint8).reshape(1, GREY_SIDE, GREY_SIDE))[0]


def perceptual_hashes(greys: npt.NDArray[np.uint8]) -> list[bytes]:
    """The same of many; shape (pictures, 64, 64)."""
    cosines = _cosines(_LOW)
    # Whole numbers, since frequencies that are absent differ from 0 by an accident of summing.
    low = np.rint(cosines @ greys.astype(np.float64) @ cosines.T).reshape(len(greys), -1)
    middle = np.sort(low, axis=1)[:, 31:33].sum(axis=1, keepdims=True) / 2
    return [bits.tobytes() for bits in np.packbits(low > middle, axis=1)]


def picture_signs(levels: bytes) -> bytes:
    """256 bits that the perceptual hash doesn't look at: the signs of the next higher cosine
    frequencies, lowest first; 32 bytes. They tell a picture from one with another caption."""
    cosines, grey = _cosines(_NEXT), np.frombuffer(levels, np.uint8).reshape(GREY_SIDE, GREY_SIDE)
    found = np.rint(cosines @ grey.astype(np.float64) @ cosines.T)
    return np.packbits(found[_next_frequencies()] > 0).tobytes()


def jpeg(picture: Image.Image, side: int) -> tuple[bytes, int, int]:
    """JPEG of a picture, made smaller where its longer side is over ``side``; bytes and size."""
    longest = max(picture.size)
    if longest > side:
        width, height = (max(1, round(edge * side / longest)) for edge in picture.size)
        picture = _smaller(picture, width, height)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue(), *picture.size


def _smaller(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Whole blocks averaged, and the rest, by less than half, interpolated: three times as quick
    as a filter over every pixel, and letters stay as sharp."""
    steps = max(1, picture.width // width), max(1, picture.height // height)
    levels = np.asarray(picture.reduce(steps) if max(steps) > 1 else picture)
    small = cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR)
    return Image.frombuffer(picture.mode, (width, height), small, "raw", picture.mode, 0, 1)


@cache
def _cosines(count: int) -> npt.NDArray[np.float64]:
    """The lowest rows of the DCT-II matrix; shape (count, 64)."""
    k, n = np.arange(count)[:, None], np.arange(GREY_SIDE)[None, :]
    return np.cos(np.pi * k * (2 * n + 1) / (2 * GREY_SIDE))


@cache
def _next_frequencies() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and columns of the 256 lowest frequencies beyond the 8x8 lowest."""
    down, across = np.indices((_NEXT, _NEXT))
    free = (down >= _LOW) | (across >= _LOW)
    down, across = down[free], across[free]
    order = np.lexsort((across, down, down**2 + across**2))[:256]
    return down[order], across[order]
