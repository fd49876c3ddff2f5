"""Whether two animations show the same frames, in whatever order and however fast."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation

from pipeline.copies.registration import Maps, likeness, overlay

Frames = npt.NDArray[Any]
"""Different frames in play order, as 16x16 grey levels; shape (frames, 16, 16)."""
Mask = npt.NDArray[np.bool_]
Gaps = npt.NDArray[np.float64]

_MOST_FRAMES = 64
"""Frames kept of an animation at most; of one with so many, some may be missing."""
_NOISE, _EDGES = 3, 0.2
"""Grey levels, and share of what the pixels around span, that resampling and palettes change."""
_IN_ORDER = 0.9
_CHANGES = 12
"""Grey levels by which a pixel changes over time where something moves."""


@dataclass(frozen=True)
class SameFrames:
    """How far apart two animations are in grey levels, and whether they play in the same order."""

    gap: float
    in_order: bool


def same_frames(
    one: Frames, other: Frames, maps: Maps, mirrored: bool, ignored: Mask | None, moved: bool
) -> SameFrames:
    """Compare sets of frames, ``other`` laid over ``one`` by ``maps`` (shape (1, 4)).

    Pixels that are ``ignored`` (a watermark's, at 64x64) don't count. Where the frame was
    ``moved`` (a crop), only what changes over time is compared: so small, all that stands still
    differs by where pixels begin, and the mean pictures have shown it already.

    ``gap`` is the worst excess difference (of 3x3 pixels' mean) between a frame and its like: of
    all frames of the animation that has fewer, and of one in every two of the other, so that a
    copy may lack every second frame but no part of the play.
    """
    one = one.astype(np.float32)
    other = other.astype(np.float32)[:, :, ::-1] if mirrored else other.astype(np.float32)
    seen, every = overlay(other, np.repeat(maps, len(other), axis=0), margin=int(moved))
    within = every[0]
    if ignored is not None:
        within = within & ~_any(ignored, within.shape[0])
    if moved:
        one, seen = one - one.mean(axis=0), seen - seen.mean(axis=0)
    gaps = _gaps(one, seen, within)
    ours, theirs = gaps.min(axis=1), gaps.min(axis=0)
    if max(len(one), len(other)) >= _MOST_FRAMES:
        # A frame between two of those kept differs from both by what moves from one to the next.
        theirs = np.maximum(0, theirs - _steps(one, within)[gaps.argmin(axis=0)])
        ours = np.maximum(0, ours - _steps(seen, within)[gaps.argmin(axis=1)])
    fewer, more = (ours, theirs) if len(one) <= len(other) else (theirs, ours)
    skipped = np.minimum(more, np.roll(more, 1)) if 2 * len(fewer) >= len(more) > 2 else more
    nearest = np.arange(len(one)) == gaps.argmin(axis=1)
    in_order = len(one) == len(other) and bool(nearest.mean() >= _IN_ORDER)
    return SameFrames(float(max(fewer.max(), skipped.max())), in_order)


def changing(one: Frames, other: Frames) -> Mask:
    """Where something moves in either animation; shape (64, 64)."""
    mask = np.zeros(one.shape[1:], np.bool_)
    for frames in (one, other):
        mask |= frames.max(axis=0).astype(np.int16) - frames.min(axis=0) > _CHANGES
    return np.kron(binary_dilation(mask), np.ones((4, 4), np.bool_))


def _any(mask: Mask, side: int) -> Mask:
    step = len(mask) // side
    found: Mask = binary_dilation(mask.reshape(side, step, side, step).any(axis=(1, 3)))
    return found


def nearest_frame(still: Frames, frames: Frames) -> tuple[float, float]:
    """Excess difference of a still (shape (1, 16, 16)) to the frame nearest to it, and how alike
    (correlation) the two are."""
    one, others = still.astype(np.float32), frames.astype(np.float32)
    everywhere = np.ones(one.shape[1:], np.bool_)
    gaps = _gaps(one, others, everywhere)[0]
    nearest = int(gaps.argmin())
    alike = likeness(one, others[nearest : nearest + 1], everywhere[None])
    return float(gaps[nearest]), float(alike[0])


def _gaps(ones: Frames, others: Frames, within: Mask) -> Gaps:
    """Excess difference of each of ``ones`` to each of ``others``; shape (ones, others)."""
    spans = _spans(ones), _spans(others)
    # One row after the other: all pairs of long animations at once would take tens of megabytes.
    rows = [
        _worst(frame - others, np.maximum(span, spans[1]), within)
        for frame, span in zip(ones, spans[0], strict=True)
    ]
    return np.stack(rows)


def _steps(frames: Frames, within: Mask) -> Gaps:
    """Excess difference of each frame to the next or the one before, whichever is larger."""
    step = _worst(frames - np.roll(frames, -1, axis=0), _spans(frames), within)
    return np.maximum(step, np.roll(step, 1))


def _worst(gap: Frames, span: Frames, within: Mask) -> Gaps:
    excess = np.maximum(0, np.abs(gap) - np.float32(_EDGES) * span - np.float32(_NOISE)) * within
    # Means of 3x3 pixels as products of matrices: filters take longer to begin than to finish.
    mean = _mean_of_three(gap.shape[1])
    worst: Gaps = (mean @ (excess @ mean)).max(axis=(1, 2)).astype(np.float64)
    return worst


@cache
def _mean_of_three(side: int) -> Frames:
    """Each pixel's mean with the ones beside it, as a matrix; pixels at the edge count twice."""
    mean = np.eye(side) + np.eye(side, k=1) + np.eye(side, k=-1)
    mean[0, 0] = mean[-1, -1] = 2
    return (mean / 3).astype(np.float32)


def _spans(frames: Frames) -> Frames:
    """What the 3x3 pixels around each span, from the darkest to the lightest."""
    highest, lowest = (_extreme(frames, of) for of in (np.maximum, np.minimum))
    return highest - lowest


def _extreme(frames: Frames, of: np.ufunc) -> Frames:
    found = frames.copy()
    of(found[:, 1:], frames[:, :-1], out=found[:, 1:])
    of(found[:, :-1], frames[:, 1:], out=found[:, :-1])
    rows = found.copy()
    of(found[:, :, 1:], rows[:, :, :-1], out=found[:, :, 1:])
    of(found[:, :, :-1], rows[:, :, 1:], out=found[:, :, :-1])
    return found
