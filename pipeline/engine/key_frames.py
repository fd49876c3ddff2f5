"""Which frames stand for an animation: farthest-point sampling on small grey thumbnails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint32]
"""Height x width; bytes red, green, blue, alpha in memory."""

SIDE = 32
_NEAR = 6
"""Grey levels of mean difference below which a frame shows nothing new."""
_SHORTEST_MS, _BROWSERS_MS = 20, 100


def displayed_ms(duration_ms: int) -> int:
    """How long browsers show a frame that asks for a time, in milliseconds."""
    return _BROWSERS_MS if duration_ms < _SHORTEST_MS else duration_ms


def sample(pixels: Pixels) -> npt.NDArray[np.uint32]:
    """A frame's pixels at the centres of a 32x32 grid; shape (1024,).

    Samples rather than averages: on real stickers the key frames chosen are as good (mean of the
    worst frame-to-key distance 10.5 against 10.6 grey levels), at the same cost for any size.
    """
    height, width = pixels.shape
    return pixels.reshape(-1).take(_grid(height, width))


def thumbnails(samples: Sequence[npt.NDArray[np.uint32]], ground: int) -> npt.NDArray[np.int16]:
    """Grey levels of samples on a grey background; shape (frames, 1024)."""
    stack = np.stack(samples)
    red, green, blue = stack & 255, stack >> 8 & 255, stack >> 16 & 255
    # BT.601 in 256ths; whole numbers, so that every machine chooses the same frames.
    grey = (77 * red + 150 * green + 29 * blue) >> 8
    alpha = stack >> 24
    composed: npt.NDArray[np.uint32] = (grey * alpha + ground * (255 - alpha)) // 255
    return composed.astype(np.int16)


def choose(greys: npt.NDArray[np.int16], durations: Sequence[int], most: int) -> list[int]:
    """Indices of the key frames, ascending.

    From the frame that is held longest (contrast breaks ties), repeatedly the frame farthest
    from all chosen ones, until it is nearer than 6 grey levels on average.
    """
    longest = max(durations)
    held = [index for index, duration in enumerate(durations) if duration == longest]
    first = held[int(_contrast(greys[held]).argmax())]
    chosen = [first]
    distance = np.abs(greys - greys[first]).sum(axis=1, dtype=np.int32)
    while len(chosen) < most:
        farthest = int(distance.argmax())
        if distance[farthest] < _NEAR * SIDE * SIDE:
            break
        chosen.append(farthest)
        distance = np.minimum(distance, np.abs(greys - greys[farthest]).sum(axis=1, dtype=np.int32))
    return sorted(chosen)


def _contrast(greys: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """Variance of each row, in units of its own; whole numbers."""
    wide = greys.astype(np.int64)
    variance: npt.NDArray[np.int64] = (
        wide.shape[1] * (wide * wide).sum(axis=1) - wide.sum(axis=1) ** 2
    )
    return variance


_grids: dict[tuple[int, int], npt.NDArray[np.intp]] = {}


def _grid(height: int, width: int) -> npt.NDArray[np.intp]:
    if (height, width) not in _grids:
        _grids.clear()
        ys, xs = ((2 * np.arange(SIDE) + 1) * side // (2 * SIDE) for side in (height, width))
        _grids[height, width] = (ys[:, None] * width + xs[None, :]).reshape(-1)
    return _grids[height, width]
