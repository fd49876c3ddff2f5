"""How alike two stickers look: grey levels of their key frames, compared tile by tile."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from pipeline.engine.decoding.picture import GREY_SIDE, grey_levels
from pipeline.engine.errors import disk_errors
from pipeline.engine.stage import Reader

Views = npt.NDArray[np.uint8]
"""Grey levels of a sticker's key frames; shape (key frames, 64, 64)."""
Sums = npt.NDArray[np.int16]
"""Summed grey levels of each tile; shape (..., 64)."""
Rows = npt.NDArray[np.int64]
Bounds = npt.NDArray[np.float64]

_TILE = 8
_TILES = GREY_SIDE // _TILE
_BLOCK = 64
_PAIRS = 4096


@dataclass(frozen=True)
class Looks:
    """Views of stickers, numbered in the order in which they were asked for.

    Tile sums (128 bytes a key frame) lie in memory, the views themselves (4 KB) in ``file``.
    """

    file: IO[bytes]
    sums: Sums
    counts: Rows
    starts: Rows

    def views(self, number: int) -> Views:
        start, count = int(self.starts[number]), int(self.counts[number])
        levels = os.pread(self.file.fileno(), count * GREY_SIDE**2, start * GREY_SIDE**2)
        return np.frombuffer(levels, np.uint8).reshape(count, GREY_SIDE, GREY_SIDE)

    def frames(self, numbers: Rows) -> Rows:
        """Places of their key frames in ``sums``; shape (stickers, most key frames)."""
        counts = self.counts[numbers, None]
        # A frame that stands there twice changes neither best nor worst match.
        within = np.minimum(np.arange(counts.max(initial=1)), counts - 1)
        places: Rows = self.starts[numbers, None] + within
        return places

    @cached_property
    def quarters(self) -> npt.NDArray[np.int32]:
        """Sums of the sixteen tiles in each quarter of a view; shape (views, 4)."""
        tiles = self.sums.reshape(-1, 2, _TILES // 2, 2, _TILES // 2)
        sums: npt.NDArray[np.int32] = tiles.sum(axis=(2, 4), dtype=np.int32)
        return sums.reshape(-1, 4)

    def close(self, ones: Rows, others: Rows, bounds: Bounds) -> Rows:
        """Which pairs of stickers may be less apart than their ``bounds``, in order."""
        near = np.arange(len(ones))
        # A quarter's mean differs by no more than its tiles do, and is sixteen times as quick.
        for sums, tiles in ((self.quarters, _TILES**2 // 4), (self.sums, 1)):
            frames, theirs = self.frames(ones[near]), self.frames(others[near])
            least = least_differences(sums, frames, theirs) / tiles
            near = near[least < bounds[near]]
        return near


@contextmanager
def load_looks(reader: Reader, sizes: Mapping[int, int], rows: Rows) -> Iterator[Looks]:
    """Looks of the given rows (ascending, counted over all shards, whose ``sizes`` are given).

    A still's one view stands in ``signals``; those of an animation are its JPEG key frames. The
    file lies among the temporary ones (TMPDIR), has no name, and goes with the context.
    """
    sums: list[Sums] = [np.empty((0, _TILES**2), np.int16)]
    counts: list[Rows] = [np.empty(0, np.int64)]
    start = 0
    with TemporaryFile() as file:
        for part, size in sizes.items():
            first, end = np.searchsorted(rows, [start, start + size])
            if first < end:
                found = _load(reader, part, pa.array(rows[first:end] - start))
                sums.append(tile_sums(np.concatenate(found)))
                counts.append(np.array([len(views) for views in found], dtype=np.int64))
                with disk_errors(Path(gettempdir()), "Let TMPDIR name a folder with more room."):
                    file.writelines(views.tobytes() for views in found)
                    file.flush()
            start += size
        every = np.concatenate(counts)
        yield Looks(file, np.concatenate(sums), every, np.cumsum(every) - every)


def _load(reader: Reader, part: int, rows: pa.Array) -> list[Views]:
    signals = reader.read("signals", part, ["animated", "grey64"]).take(rows)
    found = [_square(levels)[None] for levels in signals["grey64"].to_pylist()]
    moving = pc.indices_nonzero(signals["animated"])
    if len(moving):
        frames = reader.read("frames", part, ["key_frames"]).take(rows.take(moving))
        for place, key_frames in zip(moving.to_pylist(), frames["key_frames"], strict=True):
            jpegs = pc.struct_field(key_frames.values, "jpeg").to_pylist()
            found[place] = np.stack([_grey(jpeg) for jpeg in jpegs])
    return found


def differences(one: Views, others: Sequence[Views]) -> npt.NDArray[np.float64]:
    """Difference of a sticker to each of others, in grey levels; shape (others,).

    Between two frames: the largest mean difference of an 8x8 tile. Between two sets of key
    frames: that of the frame whose best match in the other set is worst.
    """
    found = [_block(one, others[start : start + _BLOCK]) for start in range(0, len(others), _BLOCK)]
    return np.concatenate([np.empty(0), *found])


def tile_sums(views: Views) -> Sums:
    """Sums of the tiles of each view; shape (views, 64)."""
    tiles = views.reshape(-1, _TILES, _TILE, _TILES, _TILE).sum(axis=(2, 4), dtype=np.int16)
    sums: Sums = tiles.reshape(len(views), _TILES**2)
    return sums


def least_differences(sums: npt.NDArray[Any], ones: Rows, others: Rows) -> Bounds:
    """What ``differences`` of each sticker and its counterpart can't be below; shape (pairs,).

    ``ones`` and ``others`` are places of their key frames in ``sums``; shape (pairs, key frames).
    The mean of a tile differs by no more than its pixels do on average.
    """
    found = [
        _worst(np.abs(sums[one][:, :, None] - sums[other][:, None]).max(axis=3))
        for start in range(0, len(ones), _PAIRS)
        for one, other in [(ones[start : start + _PAIRS], others[start : start + _PAIRS])]
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
