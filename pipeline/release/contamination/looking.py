"""What codes are made of: small grey pictures of a file's frames."""

from __future__ import annotations

from itertools import islice

import numpy as np
import numpy.typing as npt

from pipeline.engine.decoding.frames import CheckedFile, format_of, open_source, read_frames
from pipeline.engine.decoding.header import Undecodable
from pipeline.engine.decoding.picture import (
    DARK,
    GREY_SIDE,
    WHITE,
    compose,
    grey_levels,
)
from pipeline.engine.images import reading_images
from schemas.config import DecodeConfig

MOST_FRAMES = 64
"""Different frames of an animation that are looked at; nine in ten real ones have fewer."""
_BLANK = 16
"""Grey levels that a picture must span, or nobody sees anything on it."""

Greys = npt.NDArray[np.uint8]


def look(data: bytes, caps: DecodeConfig) -> Greys | None:
    """64x64 grey levels of a file's different frames, evenly spread where there are too many.

    On white; on dark where white hides all there is to see. Shape (frames, 64, 64); None where
    the file can't be decoded or exceeds the caps.
    """
    try:
        with reading_images(caps.max_pixels):
            source = open_source(data, format_of(data), caps)
            shown = _frames(source, WHITE)
            if np.ptp(shown) < _BLANK:
                dark = _frames(source, DARK)
                shown = dark if np.ptp(dark) >= _BLANK else shown
    except Undecodable:
        return None
    return shown


def mean_picture(frames: Greys) -> Greys:
    """The mean of frames, which neither speed, order nor the loop's beginning change."""
    total = frames.sum(axis=0, dtype=np.int32) + len(frames) // 2
    return np.asarray(total // len(frames), np.uint8)


def is_blank(picture: Greys) -> bool:
    """Whether nothing can be seen: such pictures are all alike and no copies of each other."""
    return bool(np.ptp(picture) < _BLANK)


def _frames(source: CheckedFile, ground: int) -> Greys:
    step = max(1, source.header.frames // (2 * MOST_FRAMES))
    different: dict[bytes, None] = {}
    for frame in islice(read_frames(source), 0, None, step):
        different[grey_levels(compose(frame, ground).convert("L"))] = None
    if not different:
        raise Undecodable("decode: no frame could be decoded")
    kept = list(different)
    if len(kept) > MOST_FRAMES:
        kept = [kept[place * len(kept) // MOST_FRAMES] for place in range(MOST_FRAMES)]
    return np.frombuffer(b"".join(kept), np.uint8).reshape(-1, GREY_SIDE, GREY_SIDE)
