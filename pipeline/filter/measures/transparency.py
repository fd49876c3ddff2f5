"""The measure ``transparency``."""

from __future__ import annotations

import numpy as np

from pipeline.engine.decoding.sticker_frames import RgbaFrame, StickerFrames
from pipeline.filter.measures.measure import Measure


def _share(frames: StickerFrames) -> float:
    shares = [_transparent(frame) for frame in frames]
    return float(np.mean(shares)) if any(shares) else 0.0


def _transparent(frame: RgbaFrame) -> float:
    if frame.opaque:
        return 0
    # All four bytes at once, in place of every fourth: several times faster.
    words = frame.pixels.view("<u4")
    return np.count_nonzero(words < 1 << 24) / words.size


MEASURE = Measure(
    name="transparency",
    unit="share",
    doc="Fully transparent pixels, as a share of all pixels of all frames.",
    measure=_share,
)
