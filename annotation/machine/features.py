"""Plain colour, edge and texture statistics of a picture: what tells a photograph from a drawing.

A photograph has shading and sensor noise nearly everywhere, many colours that change together in
all channels, and few perfectly flat areas; a drawing has flat fills, hard outlines and a short
palette. Everything is measured on a picture reduced to at most ``SIDE`` pixels, so that a
sticker's size hardly matters.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

SIDE = 160
BLOCK = 8
# Grey levels that a step between neighbouring pixels must reach. JPEG noise stays below FLAT.
FLAT, EDGE = 3.0, 40.0

Floats = NDArray[np.float64]


def sticker_statistics(jpegs: Sequence[bytes]) -> Floats:
    """Mean statistics of a sticker's key frames, in the order of ``FEATURES``.

    Raises ValueError when there is no frame and OSError when one can't be decoded.
    """
    if not jpegs:
        raise ValueError("no key frames")
    mean: Floats = np.stack([picture_statistics(read_rgb(jpeg)) for jpeg in jpegs]).mean(axis=0)
    return mean


def picture_statistics(rgb: NDArray[np.uint8]) -> Floats:
    """Statistics of one picture (height x width x 3, 0 to 255), in the order of ``FEATURES``."""
    groups = [measure(rgb) for _, measure in _GROUPS]
    return np.nan_to_num(np.concatenate(groups), nan=0.0, posinf=0.0, neginf=0.0)


def read_rgb(jpeg: bytes) -> NDArray[np.uint8]:
    """Decode a key frame and reduce it to at most ``SIDE`` pixels (never enlarged)."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        picture = image.convert("RGB")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(picture, dtype=np.uint8)


def _grey(rgb: NDArray[np.uint8]) -> Floats:
    grey: Floats = rgb @ np.array([0.299, 0.587, 0.114])
    return grey


def _tone(rgb: NDArray[np.uint8]) -> Floats:
    grey = _grey(rgb)
    counts = np.bincount(grey.astype(np.uint8).ravel() // 4, minlength=64)
    return np.array(
        [
            np.mean(rgb.min(axis=2) >= 245),
            np.mean(grey < 25),
            np.mean((grey >= 60) & (grey < 200)),
            grey.std() / 128,
            _entropy(counts),
        ]
    )


def _palette(rgb: NDArray[np.uint8]) -> Floats:
    levels = (rgb >> 4).astype(np.int64)
    bins = (levels[..., 0] << 8 | levels[..., 1] << 4 | levels[..., 2]).ravel()
    counts = np.sort(np.bincount(bins))[::-1]
    share = np.cumsum(counts) / bins.size
    return np.array(
        [
            _entropy(counts),
            share[0],
            share[min(4, share.size - 1)],
            np.log2(1 + np.searchsorted(share, 0.95)),
        ]
    )


def _chroma(rgb: NDArray[np.uint8]) -> Floats:
    colour = rgb.astype(np.float64)
    top, low = colour.max(axis=2), colour.min(axis=2)
    saturation = (top - low) / np.maximum(top, 1)
    chroma = top - low
    tinted = chroma > 24
    red, green, blue = (colour[..., i] for i in range(3))
    warm = tinted & (red >= green) & (green >= blue)
    hue = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)[tinted]
    counts = np.histogram(hue, bins=24, range=(-np.pi, np.pi))[0]
    return np.array(
        [
            saturation.mean(),
            saturation.std(),
            np.mean(chroma < 10),
            np.mean((chroma >= 10) & (chroma < 60)),
            np.mean(chroma > 120),
            warm.sum() / max(1, tinted.sum()),
            _entropy(counts),
        ]
    )


def _edges(rgb: NDArray[np.uint8]) -> Floats:
    grey = _grey(rgb)
    across = np.abs(np.diff(grey, axis=1))[:-1]
    down = np.abs(np.diff(grey, axis=0))[:, :-1]
    step = np.hypot(across, down).ravel()
    if not step.size:
        return np.zeros(5)
    flat, hard = np.mean(step < FLAT), np.mean(step >= EDGE)
    soft = 1 - flat - hard
    moving = step[step >= FLAT]
    spread = np.log(moving).std() if moving.size else 0.0
    return np.array([flat, soft, hard, hard / (soft + hard + 0.01), spread])


def _texture(rgb: NDArray[np.uint8]) -> Floats:
    grey = _grey(rgb)
    high, wide = grey.shape[0] // BLOCK * BLOCK, grey.shape[1] // BLOCK * BLOCK
    if not high or not wide:
        return np.zeros(5)
    tiles = grey[:high, :wide].reshape(high // BLOCK, BLOCK, wide // BLOCK, BLOCK)
    deviation = tiles.std(axis=(1, 3)).ravel()
    inner = grey[1:-1, 1:-1]
    curve = np.abs(4 * inner - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:])
    return np.array(
        [
            np.mean(deviation < 1.5),
            np.mean((deviation >= 1.5) & (deviation < 12)),
            np.log1p(np.median(deviation)),
            np.log1p(np.percentile(deviation, 25)),
            np.log1p(np.median(curve)),
        ]
    )


def _structure(rgb: NDArray[np.uint8]) -> Floats:
    colour = rgb.astype(np.float64)
    border = np.concatenate([colour[0], colour[-1], colour[:, 0], colour[:, -1]])
    plain = np.mean(np.abs(border - np.median(border, axis=0)).max(axis=1) < 12)
    flat = colour.reshape(-1, 3) - colour.reshape(-1, 3).mean(axis=0)
    variance = np.sort(np.linalg.eigvalsh(flat.T @ flat / len(flat)))[::-1]
    grey = _grey(rgb)
    fine = np.abs(np.diff(grey, axis=1)).mean() if grey.shape[1] > 1 else 0.0
    coarse = np.abs(grey[:, 4:] - grey[:, :-4]).mean() if grey.shape[1] > 4 else 0.0
    return np.array(
        [plain, variance[1] / (variance.sum() + 1), np.log1p(fine), fine / (coarse + 1)]
    )


def _entropy(counts: NDArray[np.int64]) -> float:
    share = counts[counts > 0] / max(1, counts.sum())
    return float(-(share * np.log2(share)).sum())


_GROUPS: tuple[tuple[tuple[str, ...], Callable[[NDArray[np.uint8]], Floats]], ...] = (
    (("white", "black", "midtone", "contrast", "tone_entropy"), _tone),
    (("palette_entropy", "top_colour", "top_five_colours", "colours_log2"), _palette),
    (
        ("saturation", "saturation_spread", "grey", "muted", "vivid", "warm", "hue_entropy"),
        _chroma,
    ),
    (("flat_steps", "soft_steps", "hard_steps", "hardness", "step_spread"), _edges),
    (
        ("flat_tiles", "textured_tiles", "tile_median", "tile_quartile", "curvature"),
        _texture,
    ),
    (("plain_border", "colour_plane", "fineness", "roughness"), _structure),
)
FEATURES: tuple[str, ...] = tuple(name for names, _ in _GROUPS for name in names)
