"""What the signals pass keeps of a sticker for finding copies of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.engine.decoding.frames import OPAQUE, Frame
from pipeline.engine.decoding.one_pass import ShownFrame
from pipeline.engine.decoding.picture import (
    GREY_SIDE,
    grey_levels,
    perceptual_hash,
    perceptual_hashes,
)

MOTION_SIDE = 16
_MOST_FRAMES = 64
"""Frames kept of an animation; nine in ten real ones have fewer."""
_EQUAL = 2
"""Bits by which hashes of frames may differ and stand for each other."""

Greys = npt.NDArray[np.uint8]


def look_columns(
    shown: Sequence[ShownFrame],
    frames: Iterable[Frame],
    samples: Sequence[npt.NDArray[np.uint32]],
    ground: int,
) -> dict[str, object]:
    """Columns of ``signals``: how the first key frame looks, and how an animation does.

    ``frames`` are all frames in play order; ``samples`` tell equal ones apart and are empty for a
    still; ``ground`` is the grey that they are shown on.
    """
    grey64 = grey_levels(shown[0].grey)
    columns: dict[str, object] = {"phash": perceptual_hash(grey64), "grey64": grey64}
    if len(samples) < 2:
        return columns
    grey = _grey_blended if _blends(samples) else _grey
    greys = np.stack([grey(frame, ground) for frame in _distinct(frames, samples)])
    # Over different frames alike, however long each is held: speed, order and the place where the
    # loop begins change nothing.
    mean = (greys.sum(axis=0, dtype=np.int32) + len(greys) // 2) // len(greys)
    columns["mean64"] = mean.astype(np.uint8).tobytes()
    columns["motion"] = [small.tobytes() for small in _small(greys)]
    columns["frame_hashes"] = _hashes(greys)
    return columns


def _hashes(greys: Greys) -> list[bytes]:
    """Perceptual hashes of frames, without those that nearly equal an earlier one."""
    kept: list[int] = []
    for found in perceptual_hashes(greys):
        code = int.from_bytes(found)
        if all((code ^ other).bit_count() > _EQUAL for other in kept):
            kept.append(code)
    return [code.to_bytes(8) for code in kept]


def _distinct(
    frames: Iterable[Frame], samples: Sequence[npt.NDArray[np.uint32]]
) -> Iterator[Frame]:
    """Frames that no earlier one equals; beyond so many, evenly spread ones."""
    seen: set[bytes] = set()
    different = []
    for place, one in enumerate(samples):
        key = one.tobytes()
        if key not in seen:
            seen.add(key)
            different.append(place)
    if len(different) > _MOST_FRAMES:
        spread = np.arange(_MOST_FRAMES) * len(different) // _MOST_FRAMES
        different = [different[place] for place in spread]
    wanted = set(different)
    return (frame for place, frame in enumerate(frames) if place in wanted)


def _grey(frame: Frame, ground: int) -> Greys:
    """64x64 grey levels of a frame on its ground, where no pixel is half transparent."""
    height, width = frame.pixels.shape
    pixels: npt.NDArray[Any] = frame.pixels.view(np.uint8).reshape(height, width, 4)
    # Halving is by far the quickest way to take every pixel into account.
    while max(height, width) >= 2 * GREY_SIDE:
        down, across = (1 + (side >= 2 * GREY_SIDE) for side in (height, width))
        height, width = height // down, width // across
        even = pixels[: down * height, : across * width]
        pixels = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
    small = cv2.resize(pixels, (GREY_SIDE, GREY_SIDE), interpolation=cv2.INTER_LINEAR)
    grey = cv2.cvtColor(small, cv2.COLOR_RGBA2GRAY)
    if frame.lowest < OPAQUE:
        # Where nothing shows colours are 0: what is missing to the whole is the ground's share.
        bare = np.subtract(255, small[:, :, 3], dtype=np.uint16) * ground // 255
        grey = np.minimum(grey + bare, 255).astype(np.uint8)
    return np.asarray(grey, np.uint8)


def _grey_blended(frame: Frame, ground: int) -> Greys:
    """The same for a frame with half transparent pixels."""
    height, width = frame.pixels.shape
    steps = max(1, width // GREY_SIDE), max(1, height // GREY_SIDE)
    pixels = frame.pixels.view(np.uint8).reshape(height, width, 4)
    blocks = Image.fromarray(pixels).reduce(steps)
    picture = Image.new("RGB", blocks.size, (ground, ground, ground))
    picture.paste(blocks, mask=blocks)
    small = picture.convert("L").resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small)


def _blends(samples: Sequence[npt.NDArray[np.uint32]]) -> bool:
    """Whether any sample is neither opaque nor fully transparent."""
    alpha = np.stack(samples) >> 24
    return bool(((alpha != 0) & (alpha != 255)).any())


def _small(greys: Greys) -> Greys:
    """16x16 grey levels; shape (frames, 16, 16)."""
    step = GREY_SIDE // MOTION_SIDE
    blocks = greys.reshape(len(greys), MOTION_SIDE, step, MOTION_SIDE, step)
    sums = blocks.sum(axis=(2, 4), dtype=np.int32)
    small: Greys = ((sums + step**2 // 2) // step**2).astype(np.uint8)
    return small
