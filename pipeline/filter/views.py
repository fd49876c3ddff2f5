"""How alike two stickers look: grey levels of their key frames, compared tile by tile."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from pipeline.engine.stage import Reader
from pipeline.filter.picture import GREY_SIDE, grey_levels

Views = npt.NDArray[np.uint8]
"""Grey levels of a sticker's key frames; shape (key frames, 64, 64)."""

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


def _block(one: Views, others: Sequence[Views]) -> npt.NDArray[np.float64]:
    most = max(len(views) for views in others)
    # A frame that stands there twice changes neither best nor worst match.
    stack = np.stack([np.pad(v, ((0, most - len(v)), (0, 0), (0, 0)), "edge") for v in others])
    gaps = np.abs(one.astype(np.int16)[None, :, None] - stack.astype(np.int16)[:, None])
    tiles = gaps.reshape(*gaps.shape[:3], _TILES, _TILE, _TILES, _TILE).sum(axis=(4, 6))
    pairs = tiles.max(axis=(3, 4)) / _TILE**2
    worst = np.maximum(pairs.min(axis=1).max(axis=1), pairs.min(axis=2).max(axis=1))
    return np.asarray(worst, dtype=np.float64)


def _square(levels: bytes) -> Views:
    return np.frombuffer(levels, np.uint8).reshape(GREY_SIDE, GREY_SIDE)


def _grey(jpeg: bytes) -> Views:
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        return _square(grey_levels(picture.convert("L")))
