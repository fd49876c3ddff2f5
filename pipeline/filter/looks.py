"""What the signals pass keeps of a sticker for finding copies of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.engine.decoding.frames import OPAQUE, Frame
from pipeline.engine.decoding.one_pass import ShownFrame
from pipeline.engine.decoding.picture import (
    GREY_SIDE,
    grey_levels,
    perceptual_hash,
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
    greys = np.stack([_grey(frame, ground) for frame in _distinct(frames, samples)])
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
    for grey in greys:
        code = int.from_bytes(perceptual_hash(grey.tobytes()))
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
    """64x64 grey levels of a frame on its ground."""
    height, width = frame.pixels.shape
    steps = max(1, width // GREY_SIDE), max(1, height // GREY_SIDE)
    pixels = frame.pixels.view(np.uint8).reshape(height, width, 4)
    if frame.lowest >= OPAQUE:
        # The fourth byte is of no account: no need to weigh by it.
        blocks = Image.frombuffer("RGBX", (width, height), pixels, "raw", "RGBX", 0, 1)
        picture = blocks.reduce(steps).convert("RGB")
    else:
        blocks = Image.fromarray(pixels).reduce(steps)
        picture = Image.new("RGB", blocks.size, (ground, ground, ground))
        picture.paste(blocks, mask=blocks)
    small = picture.convert("L").resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small)


def _small(greys: Greys) -> Greys:
    """16x16 grey levels; shape (frames, 16, 16)."""
    step = GREY_SIDE // MOTION_SIDE
    blocks = greys.reshape(len(greys), MOTION_SIDE, step, MOTION_SIDE, step)
    sums = blocks.sum(axis=(2, 4), dtype=np.int32)
    small: Greys = ((sums + step**2 // 2) // step**2).astype(np.uint8)
    return small
