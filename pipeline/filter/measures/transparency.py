"""The measure ``transparency``."""

from __future__ import annotations

import numpy as np

from pipeline.filter.measures.measure import Measure, StickerFrames


def _share(frames: StickerFrames) -> float:
    return float(np.mean([np.mean(frame.pixels[..., 3] == 0) for frame in frames]))


MEASURE = Measure(
    name="transparency",
    unit="share",
    doc="Fully transparent pixels, as a share of all pixels of all frames.",
    measure=_share,
)
