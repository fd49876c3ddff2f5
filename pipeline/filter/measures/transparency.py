"""The measure ``transparency``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.filter.measures.measure import Measure, StickerFrames


def _share(frames: StickerFrames) -> float:
    return float(np.mean([_transparent(frame.pixels) for frame in frames]))


def _transparent(pixels: NDArray[np.uint8]) -> float:
    # All four bytes at once, in place of every fourth: several times faster.
    words = pixels.view("<u4")
    return np.count_nonzero(words < 1 << 24) / words.size


MEASURE = Measure(
    name="transparency",
    unit="share",
    doc="Fully transparent pixels, as a share of all pixels of all frames.",
    measure=_share,
)
