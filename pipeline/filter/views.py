"""How alike two stickers look: grey levels of their key frames, compared tile by tile."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from pipeline.engine.stage import Reader
from pipeline.filter.picture import GREY_SIDE, grey_levels

Views = npt.NDArray[np.uint8]
"""Grey levels of a sticker's key frames; shape (key frames, 64, 64)."""
Sums = npt.NDArray[np.int16]
"""Summed grey levels of each tile; shape (..., key frames, 64)."""

_TILE = 8
_TILES = GREY_SIDE // _TILE
_BLOCK = 64


def load_views(reader: Reader, starts: Sequence[int], rows: Sequence[int]) -> dict[int, Views]:
    """Views of the given rows (ascending, counted over all shards); ``starts`` of each shard.

    A still's one view stands in ``signals``; those of an animation are its JPEG key frames.
    """
    views: dict[int, Views] = {}
    wanted = np.asarray(rows, dtype=np.int64)
    for part, start, end in zip(reader.parts, starts[:-1], starts[1:], strict=True):
        here = wanted[(wanted >= start) & (wanted < end)] - start
        if not len(here):
            continue
        signals = reader.read("signals", part, ["animated", "grey64"]).take(pa.array(here))
        animated = signals["animated"].to_numpy(zero_copy_only=False)
        for row, levels in zip(here.tolist(), signals["grey64"].to_pylist(), strict=True):
            views[start + row] = _square(levels)[None]
        moving = here[np.flatnonzero(animated)]
        if len(moving):
            frames = reader.read("frames", part, ["key_frames"]).take(pa.array(moving))
            for row, key_frames in zip(moving.tolist(), frames["key_frames"], strict=True):
                jpegs = pc.struct_field(key_frames.values, "jpeg").to_pylist()
                views[start + row] = np.stack([_grey(jpeg) for jpeg in jpegs])
    return views


def differences(one: Views, others: Sequence[Views]) -> npt.NDArray[np.float64]:
    """Difference of a sticker to each of others, in grey levels; shape (others,).

    Between two frames: the largest mean difference of an 8x8 tile. Between two sets of key
    frames: that of the frame whose best match in the other set is worst.
    """
    found = [_block(one, others[start : start + _BLOCK]) for start in range(0, len(others), _BLOCK)]
    return np.concatenate([np.empty(0), *found])


def tile_sums(stickers: Sequence[Views]) -> Sums:
    """Sums of the tiles of each sticker; shape (stickers, most key frames, 64)."""
    stack = np.zeros((len(stickers), max(map(len, stickers), default=0), _TILES**2), np.int16)
    for row, views in enumerate(stickers):
        tiles = views.reshape(-1, _TILES, _TILE, _TILES, _TILE).sum(axis=(2, 4), dtype=np.int16)
        stack[row, : len(views)] = tiles.reshape(len(views), -1)
        # A frame that stands there twice changes neither best nor worst match.
        stack[row, len(views) :] = stack[row, len(views) - 1]
    return stack


def least_differences(one: Sums, others: Sums) -> npt.NDArray[np.float64]:
    """What ``differences`` can't be below, 64 times as quickly; shape (others,).

    The mean of a tile differs by no more than its pixels do on average.
    """
    found = [
        _worst(np.abs(one[None, :, None] - others[start : start + _BLOCK, None]).max(axis=3))
        for start in range(0, len(others), _BLOCK)
    ]
    return np.concatenate([np.empty(0), *found])


def _block(one: Views, others: Sequence[Views]) -> npt.NDArray[np.float64]:
    most = max(len(views) for views in others)
    stack = np.empty((len(others), 1, most, GREY_SIDE, GREY_SIDE), np.uint8)
    for row, views in enumerate(others):
        stack[row, 0, : len(views)] = views
        # A frame that stands there twice changes neither best nor worst match.
        stack[row, 0, len(views) :] = views[-1]
    gaps = np.maximum(one[:, None], stack)
    gaps -= np.minimum(one[:, None], stack)
    lines = gaps.reshape(*gaps.shape[:3], _TILES, _TILE, GREY_SIDE)
    # Line upon line, in 16 bits: one sum over both axes of a tile takes five times as long.
    tall = lines[..., 0, :].astype(np.uint16)
    for line in range(1, _TILE):
        tall += lines[..., line, :]
    tiles = tall.reshape(*tall.shape[:4], _TILES, _TILE).sum(axis=5, dtype=np.uint16)
    return _worst(tiles.max(axis=(3, 4)))


def _worst(pairs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Difference of each two sets of key frames, from the largest tile of each two frames."""
    worst = np.maximum(pairs.min(axis=1).max(axis=1), pairs.min(axis=2).max(axis=1))
    return np.asarray(worst / _TILE**2, dtype=np.float64)


def _square(levels: bytes) -> Views:
    return np.frombuffer(levels, np.uint8).reshape(GREY_SIDE, GREY_SIDE)


def _grey(jpeg: bytes) -> Views:
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        return _square(grey_levels(picture.convert("L")))
