"""A sticker's displayed frames, as whatever measures them sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RgbaFrame:
    """One displayed frame: pixels (height, width, 4), R, G, B, alpha, 0 to 255, read-only.

    The colour below full transparency is black. ``duration_ms`` is 0 for a still. ``opaque`` says
    that every alpha is known to be 255, which spares looking.
    """

    pixels: NDArray[np.uint8]
    duration_ms: int
    opaque: bool = False


class StickerFrames(Protocol):
    """A sticker's frames in play order, all of one size; they may be walked through repeatedly.

    Large animations are decoded again by each walk, so that memory stays flat.
    """

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[RgbaFrame]: ...
