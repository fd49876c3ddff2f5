"""Laying one picture over another: scale and place along both axes, to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pictures = npt.NDArray[np.float32]
"""Grey levels; shape (pairs, side, side)."""
Maps = npt.NDArray[np.float64]
"""Scale and shift down, scale and shift across: a point (y, x) of the one picture, in shares of its
sides, is (a y + b, c x + d) of the other; shape (pairs, 4)."""

_STEPS = 6
_ODD = 25.0
"""Grey levels from which a difference is taken for another content, not for a wrong place."""
_LEAST, _MOST = 0.7, 1.4


def register(ones: Pictures, others: Pictures, maps: Maps) -> Maps:
    """Maps that lay ``others`` over ``ones`` best, sought from ``maps`` (Gauss-Newton, robust)."""
    soft_ones, soft_others = _soft(ones), _soft(others)
    found = maps.copy()
    for _ in range(_STEPS):
        found = found + _step(soft_ones, soft_others, found)
        found[:, 0::2] = np.clip(found[:, 0::2], _LEAST, _MOST)
        found[:, 1::2] = np.clip(found[:, 1::2], -0.4, 0.4)
    return found


def overlay(others: Pictures, maps: Maps) -> tuple[Pictures, npt.NDArray[np.bool_]]:
    """``others`` as seen in the frames of the ones, and which pixels lie within both."""
    side = others.shape[1]
    down, rows = _tents(maps[:, 0], maps[:, 1], side)
    across, columns = _tents(maps[:, 2], maps[:, 3], side)
    seen: Pictures = down @ others @ across.transpose(0, 2, 1)
    return seen, rows[:, :, None] & columns[:, None, :]


def _tents(scale: Maps, shift: Maps, side: int) -> tuple[Pictures, npt.NDArray[np.bool_]]:
    """Weights of linear interpolation; shape (pairs, side, side); and where there is a picture."""
    middles = (np.arange(side) + 0.5) / side
    at = (scale[:, None] * middles + shift[:, None]) * side - 0.5
    within = (at >= -0.5) & (at <= side - 0.5)
    at = np.clip(at, 0, side - 1)
    weights = np.maximum(0, 1 - np.abs(at[:, :, None] - np.arange(side)))
    return weights.astype(np.float32), within


def _step(ones: Pictures, others: Pictures, maps: Maps) -> Maps:
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


def _soft(pictures: Pictures) -> Pictures:
    """Blurred, so that edges that lie some pixels apart still attract each other."""
    found = pictures
    for _ in range(2):
        for axis in (1, 2):
            pad = [(0, 0)] * 3
            pad[axis] = (1, 1)
            wide = np.pad(found, pad, mode="edge")
            low, high = [slice(None)] * 3, [slice(None)] * 3
            low[axis], high[axis] = slice(None, -2), slice(2, None)
            found = (wide[tuple(low)] + 2 * found + wide[tuple(high)]) / 4
    return found
