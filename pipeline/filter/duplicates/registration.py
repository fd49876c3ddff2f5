"""Laying one picture over another: scale and place along both axes, to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Greys = npt.NDArray[np.float32]
"""Grey levels; shape (pairs, side, side)."""
Maps = npt.NDArray[np.float64]
"""Scale and shift down, scale and shift across: a point (y, x) of the one picture, in shares of its
sides, is (a y + b, c x + d) of the other; shape (pairs, 4)."""

_STEPS, _NEAR_STEPS, _SHARP_STEPS = 5, 2, 3
"""Steps on blurred pictures, which lead near from afar, then on the pictures themselves."""
_ODD = 25.0
"""Grey levels from which a difference is taken for another content, not for a wrong place."""
_LEAST, _MOST, _FARTHEST = 0.7, 1.4, 0.4
"""Scales and shifts beyond which nobody would call it a copy."""


def register(ones: Greys, others: Greys, maps: Maps, near: bool = False) -> Maps:
    """Maps that lay ``others`` over ``ones`` best, sought from ``maps`` (Gauss-Newton, robust).

    Where ``maps`` are ``near``, within a pixel or two, a few steps will do.
    """
    blurred = soft(ones), soft(others)
    found = maps.copy()
    steps = [blurred] * (_NEAR_STEPS if near else _STEPS) + [(ones, others)] * _SHARP_STEPS
    for one, other in steps:
        found = found + _step(one, other, found)
        found[:, 0::2] = np.clip(found[:, 0::2], _LEAST, _MOST)
        found[:, 1::2] = np.clip(found[:, 1::2], -_FARTHEST, _FARTHEST)
    return found


def overlay(others: Greys, maps: Maps, margin: int = 0) -> tuple[Greys, npt.NDArray[np.bool_]]:
    """``others`` as seen in the frames of the ones, and which pixels lie within both.

    ``margin``: pixels at the edges of either that don't count, since what lies beyond shows there.
    """
    side = others.shape[1]
    down, rows = _tents(maps[:, 0], maps[:, 1], side, margin)
    across, columns = _tents(maps[:, 2], maps[:, 3], side, margin)
    seen = np.asarray(down @ others @ across.transpose(0, 2, 1), np.float32)
    return seen, rows[:, :, None] & columns[:, None, :]


def likeness(ones: Greys, others: Greys, within: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Correlation of blurred pictures where both show something; shape (pairs,)."""
    weight = within / np.maximum(1, within.sum(axis=(1, 2), keepdims=True))
    one, other = (
        blurred - (blurred * weight).sum(axis=(1, 2), keepdims=True)
        for blurred in (soft(ones), soft(others))
    )
    deviations = [np.sqrt((p * p * weight).sum(axis=(1, 2))) for p in (one, other)]
    # Two flat pictures are alike.
    shared = (one * other * weight).sum(axis=(1, 2))
    found: npt.NDArray[np.float64] = (shared + 1) / (deviations[0] * deviations[1] + 1)
    return found


def _tents(scale: Maps, shift: Maps, side: int, margin: int) -> tuple[Greys, npt.NDArray[np.bool_]]:
    """Weights of linear interpolation; shape (pairs, side, side); and where there is a picture."""
    middles = (np.arange(side) + 0.5) / side
    at = (scale[:, None] * middles + shift[:, None]) * side - 0.5
    within = (at >= margin - 0.5) & (at <= side - margin - 0.5)
    within[:, :margin] = within[:, side - margin :] = False
    at = np.clip(at, 0, side - 1)
    weights = np.maximum(0, 1 - np.abs(at[:, :, None] - np.arange(side))).astype(np.float32)
    return weights, within


def _step(ones: Greys, others: Greys, maps: Maps) -> Maps:
    pairs, side = len(ones), ones.shape[1]
    seen, within = overlay(others, maps)
    gap = ones - seen
    down, across = (np.gradient(seen, axis=axis) * side for axis in (1, 2))
    down /= maps[:, 0, None, None].astype(np.float32)
    across /= maps[:, 2, None, None].astype(np.float32)
    middles = ((np.arange(side) + 0.5) / side).astype(np.float32)
    weight = within / (1 + (gap / _ODD) ** 2)
    slopes = np.stack([down * middles[:, None], down, across * middles, across], axis=1)
    slopes = slopes.reshape(pairs, 4, -1)
    weighted = slopes * weight.reshape(pairs, 1, -1)
    normal = (weighted @ slopes.transpose(0, 2, 1)).astype(np.float64)
    right = (weighted @ gap.reshape(pairs, -1, 1)).astype(np.float64)
    # A flat picture fits anywhere: it stays where it is.
    normal += np.eye(4) * (1e-4 * np.trace(normal, axis1=1, axis2=2)[:, None, None] + 1e3)
    step: Maps = np.linalg.solve(normal, right)[:, :, 0]
    return np.clip(step, -0.05, 0.05)


def soft(pictures: Greys) -> Greys:
    """Blurred, so that edges that lie some pixels apart still attract each other."""
    found = pictures
    for _ in range(2):
        for axis in (1, 2):
            pad = [(0, 0)] * 3
            pad[axis] = (1, 1)
            wide = np.pad(found, pad, mode="edge")
            low, high = [slice(None)] * 3, [slice(None)] * 3
            low[axis], high[axis] = slice(None, -2), slice(2, None)
            blurred = (wide[tuple(low)] + 2 * found + wide[tuple(high)]) / 4
            found = np.asarray(blurred, np.float32)
    return found
