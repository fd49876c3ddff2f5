"""Clips as files and as more frames: animated GIFs, several clips in one, to and fro."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.training.arrays import Images

_GAP = 2


def write_gif(path: Path, clip: Images, frame_ms: int = 120) -> None:
    """Frames (F, H, W, 3) as a GIF that repeats for ever.

    Every frame is kept: Pillow, which merges equal neighbours when it saves an animation, encodes
    them one by one here. Each has its own palette; up to 256 colours come back as they were.
    """
    from PIL import Image
    from PIL.GifImagePlugin import getdata, getheader

    frames = [Image.fromarray(frame).quantize() for frame in clip]
    header, _ = getheader(frames[0].copy(), info={"loop": 0})
    parts = [*header]
    for frame in frames:
        parts += getdata(frame, duration=frame_ms, include_color_table=True)
    path.write_bytes(b"".join([*parts, b";"]))


def tile_clips(clips: Sequence[Images], columns: int) -> Images:
    """Clips (F, H, W, 3) of one shape side by side on white, as one clip."""
    frames, height, width, _ = clips[0].shape
    rows = -(-len(clips) // columns)
    size = (rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP)
    sheet = np.full((frames, *size, 3), 255, np.uint8)
    for number, clip in enumerate(clips):
        row, column = divmod(number, columns)
        top, left = row * (height + _GAP), column * (width + _GAP)
        sheet[:, top : top + height, left : left + width] = clip
    return sheet


def extend_clip(clip: Images, length: int) -> Images:
    """A clip of ``length`` frames at least, turned back at both ends, as evenly as can be.

    Eight frames become 16 in the order 4 3 2 1 0 1 2 3 4 5 6 7 6 5 4 3.
    """
    missing = max(0, length - len(clip))
    period = max(1, 2 * len(clip) - 2)
    places = np.arange(-((missing + 1) // 2), len(clip) + missing // 2) % period
    turned: Images = clip[np.minimum(places, period - places)]
    return turned
