"""Laying one picture over another: scale and place along both axes, to a fraction of a pixel."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Greys = npt.NDArray[np.float32]
"""Grey levels; shape (pairs, side, side)."""
Maps = npt.NDArray[np.float64]
"""Scale and shift down, scale and shift across: a point (y, x) of the one picture, in shares of its
sides, is (a y + b, c x + d) of the other; shape (pairs, 4)."""

_STEPS, _SHARP_STEPS = 5, 3
"""Steps at most: on blurred pictures, which lead near from afar, then on those themselves."""
_STILL = 0.02
"""Pixels by which a step must move a picture for another one to follow."""
_ODD = 25.0
"""Grey levels from which a difference is taken for another content, not for a wrong place."""
_LEAST, _MOST, _FARTHEST = 0.7, 1.4, 0.4
"""Scales and shifts beyond which nobody would call it a copy."""
_HALVED = 32
"""Sides from which a picture of half the size is as good as a blurred one, and cheaper."""


def register(ones: Greys, others: Greys, maps: Maps) -> Maps:
    """Maps that lay ``others`` over ``ones`` best, sought from ``maps`` (Gauss-Newton, robust).

    What a pair gets doesn't depend on the others.
    """
    return sharpened(ones, others, nearly_registered(ones, others, maps))


def nearly_registered(ones: Greys, others: Greys, maps: Maps) -> Maps:
    """The same to about a tenth of a pixel, sought on blurred pictures."""
    side = ones.shape[1]
    blurred = halved if side >= _HALVED and side % 2 == 0 else soft
    return _sought(blurred(ones), blurred(others), maps, _STEPS)


def sharpened(ones: Greys, others: Greys, maps: Maps) -> Maps:
    """The same from maps that are within about a pixel."""
    return _sought(ones, others, maps, _SHARP_STEPS)


def _sought(ones: Greys, others: Greys, maps: Maps, steps: int) -> Maps:
    found = maps.copy()
    moving = np.arange(len(maps))
    for _ in range(steps):
        if len(moving) < len(ones):
            step = _step(ones[moving], others[moving], found[moving])
        else:
            step = _step(ones, others, found)
        stepped = found[moving] + step
        stepped[:, 0::2] = np.clip(stepped[:, 0::2], _LEAST, _MOST)
        stepped[:, 1::2] = np.clip(stepped[:, 1::2], -_FARTHEST, _FARTHEST)
        found[moving] = stepped
        moving = moving[np.abs(step).max(axis=1) * ones.shape[1] >= _STILL]
        if not len(moving):
            break
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
    weight = within / np.maximum(1, within.sum(axis=(1, 2), dtype=np.float32)[:, None, None])
    one, other = (
        blurred - (blurred * weight).sum(axis=(1, 2), keepdims=True)
        for blurred in (soft(ones), soft(others))
    )
    weighted = one * weight
    # Two flat pictures are alike.
    shared = (weighted * other).sum(axis=(1, 2)).astype(np.float64)
    squares = (weighted * one).sum(axis=(1, 2)), (other * other * weight).sum(axis=(1, 2))
    found: npt.NDArray[np.float64] = (shared + 1) / (np.sqrt(squares[0] * squares[1]) + 1)
    return found


def _tents(scale: Maps, shift: Maps, side: int, margin: int) -> tuple[Greys, npt.NDArray[np.bool_]]:
    """Weights of linear interpolation; shape (pairs, side, side); and where there is a picture."""
    middles = (np.arange(side) + 0.5) / side
    at = (scale[:, None] * middles + shift[:, None]) * side - 0.5
    within = (at >= margin - 0.5) & (at <= side - margin - 0.5)
    within[:, :margin] = within[:, side - margin :] = False
    at = np.clip(at, 0, side - 1)
    before = np.minimum(at.astype(np.int64), side - 2)
    share = (at - before).astype(np.float32)
    weights = np.zeros((len(at), side, side), np.float32)
    flat = weights.reshape(-1)
    place = np.arange(at.size).reshape(at.shape) * side + before
    flat[place], flat[place + 1] = 1 - share, share
    return weights, within


def _step(ones: Greys, others: Greys, maps: Maps) -> Maps:
    """One step of weighted least squares; shape (pairs, 4)."""
    pairs, side = len(ones), ones.shape[1]
    seen, within = overlay(others, maps)
    gap = ones - seen
    weight = within / (1 + (gap / np.float32(_ODD)) ** 2)
    down, across = _slopes(seen, maps)
    # A map's slopes are ``down`` and ``across``, each alone and times the place along its axis: so
    # all sums are moments of five products.
    products = np.empty((pairs, 5, side, side), np.float32)
    weighted = weight * down
    np.multiply(weighted, down, out=products[:, 0])
    np.multiply(weighted, across, out=products[:, 1])
    np.multiply(weighted, gap, out=products[:, 3])
    np.multiply(weight, across, out=weighted)
    np.multiply(weighted, across, out=products[:, 2])
    np.multiply(weighted, gap, out=products[:, 4])
    powers = ((np.arange(side) + 0.5) / side)[:, None] ** np.arange(3)
    powers = powers.astype(np.float32)
    moments = (powers.T @ products @ powers).astype(np.float64)
    downs, both, acrosses = moments[:, 0, :, 0], moments[:, 1], moments[:, 2, 0]
    normal = np.empty((pairs, 4, 4))
    normal[:, :2, :2] = downs[:, [[2, 1], [1, 0]]]
    normal[:, 2:, 2:] = acrosses[:, [[2, 1], [1, 0]]]
    normal[:, :2, 2:] = both[:, 1::-1, 1::-1]
    normal[:, 2:, :2] = normal[:, :2, 2:].transpose(0, 2, 1)
    right = np.concatenate([moments[:, 3, 1::-1, 0], moments[:, 4, 0, 1::-1]], axis=1)
    # A flat picture fits anywhere: it stays where it is.
    normal += np.eye(4) * (1e-4 * np.trace(normal, axis1=1, axis2=2)[:, None, None] + 1e3)
    step: Maps = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
    return np.clip(step, -0.05, 0.05)


def _slopes(seen: Greys, maps: Maps) -> tuple[Greys, Greys]:
    """Slopes of pictures down and across, by shares of the sides of what they are laid over."""
    side = seen.shape[1]
    down, across = np.empty_like(seen), np.empty_like(seen)
    np.subtract(seen[:, 2:], seen[:, :-2], out=down[:, 1:-1])
    np.subtract(seen[:, :, 2:], seen[:, :, :-2], out=across[:, :, 1:-1])
    for edge, inner in ((0, 1), (-1, -2)):
        sign = 2 if edge else -2
        down[:, edge] = sign * (seen[:, edge] - seen[:, inner])
        across[:, :, edge] = sign * (seen[:, :, edge] - seen[:, :, inner])
    scales = (side / 2 / maps[:, 0::2]).astype(np.float32)
    down *= scales[:, 0, None, None]
    across *= scales[:, 1, None, None]
    return down, across


def halved(pictures: Greys) -> Greys:
    """Pictures of an even side, at half of it."""
    rows = pictures[:, 0::2] + pictures[:, 1::2]
    found: Greys = (rows[:, :, 0::2] + rows[:, :, 1::2]) * np.float32(0.25)
    return found


def soft(pictures: Greys) -> Greys:
    """Blurred, so that edges that lie some pixels apart still attract each other."""
    kernel = np.array([0.25, 0.5, 0.25], np.float32)
    found = np.empty_like(pictures)
    for picture, blurred in zip(pictures, found, strict=True):
        for source in (picture, blurred):
            cv2.sepFilter2D(
                source, -1, kernel, kernel, dst=blurred, borderType=cv2.BORDER_REPLICATE
            )
    return found
