"""Keeps drawn stickers apart: those meant to be different must not look like near-duplicates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.demo.render import flatten

APART = 10
"""Bits between the hashes of any two stickers; the filter looks closer at 4 and below."""
LIVELY = 1.0
"""Bits of entropy that a sticker has at least; the filter drops those below 0.3."""

_steps = np.arange(32)
# Rows 0 to 7 of the DCT-II matrix: only the low frequencies are hashed.
_DCT = np.cos(np.pi * (2 * _steps[None, :] + 1) * _steps[:8, None] / 64)


class Gallery:
    """Hashes of all frames that were drawn so far."""

    def __init__(self) -> None:
        self._seen: list[NDArray[np.uint64]] = []

    def admit(self, frames: list[Image.Image]) -> bool:
        """Take a sticker in, unless it is dull or looks like an earlier one."""
        greys = [grey_level(frame) for frame in frames]
        if greys[0].entropy() < LIVELY:
            return False
        hashes = np.array([perceptual_hash(grey) for grey in greys], dtype=np.uint64)
        if self._nearest(hashes) < APART:
            return False
        self._seen.append(hashes)
        return True

    def _nearest(self, hashes: NDArray[np.uint64]) -> int:
        if not self._seen:
            return 64
        seen = np.concatenate(self._seen)
        return int(np.bitwise_count(hashes[:, None] ^ seen[None, :]).min())


def grey_level(frame: Image.Image) -> Image.Image:
    """Grey levels on white, or on black where white shows nothing."""
    grey = flatten(frame).convert("L")
    low, high = grey.getextrema()
    return grey if low != high else flatten(frame, "black").convert("L")


def perceptual_hash(
    grey: Image.Image, resample: Image.Resampling = Image.Resampling.LANCZOS
) -> int:
    """64 bits: which low frequencies of the 32x32 image lie above their median."""
    small = np.asarray(grey.resize((32, 32), resample), dtype=np.float64)
    # Rounded, since frequencies that are absent differ from zero by an accident of summing.
    low = np.round(_DCT @ small @ _DCT.T, 3).ravel()
    bits = low > np.median(low)
    return int(np.packbits(bits).view(">u8")[0])
