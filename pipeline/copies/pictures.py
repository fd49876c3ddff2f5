"""The pictures of stickers that may be copies, kept at hand while pairs of them are compared."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from pipeline.engine.decoding.picture import GREY_SIDE
from pipeline.engine.errors import disk_errors
from pipeline.engine.stage import Reader

Ints = npt.NDArray[np.int64]
Greys = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]

_SIGNALS = ["animated", "duration_ms", "min_side", "grey64", "mean64", "motion"]
_SMALL_SIDE = 16
_LOOK = GREY_SIDE**2
_LEAST, _MOST, _SHARE = 16, 128, 0.7
"""Sides at which pictures are compared closely: this share of the smaller one's, within bounds."""
_IN_PLACE = 1 / 256
"""Share of a side (half a pixel at most) below which pictures are seen whole, however they lie."""
_KEPT_FRAMES, _KEPT_VIEWS = 64, 256
"""Key frames and whole pictures kept in memory, of 256 KB and of 64 KB at most."""


@dataclass(frozen=True)
class StoredPictures:
    """Pictures of stickers by number. Their looks, and what is needed to look closer (frames of an
    animation, the key frame of a still), lie in a file one after the other from ``starts`` on."""

    file: IO[bytes]
    starts: Ints
    moving: npt.NDArray[np.bool_]
    duration_ms: Ints
    min_side: Ints

    def looks(self, numbers: Ints) -> Greys:
        """64x64 grey levels of stills, and of animations' mean pictures; (numbers, 64, 64)."""
        looks = b"".join(self._read(start, _LOOK) for start in self.starts[numbers].tolist())
        found = np.frombuffer(looks, np.uint8).reshape(-1, GREY_SIDE, GREY_SIDE)
        return found.astype(np.float32)

    def frames(self, number: int) -> npt.NDArray[np.uint8]:
        """Different frames of an animation; shape (frames, 16, 16)."""
        return np.frombuffer(self._more(number), np.uint8).reshape(-1, _SMALL_SIDE, _SMALL_SIDE)

    def small(self, number: int) -> Greys:
        """16x16 grey levels of a look; shape (1, 16, 16)."""
        step = GREY_SIDE // _SMALL_SIDE
        look = self.looks(np.array([number]))
        small: Greys = look.reshape(1, _SMALL_SIDE, step, _SMALL_SIDE, step).mean(axis=(2, 4))
        return small

    def closely(
        self, one: int, other: int, place: npt.NDArray[np.float64], mirrored: bool
    ) -> tuple[Greys, Greys]:
        """What two stills both show, as the key frames have it, ``other`` laid over ``one``.

        ``place`` is a row of ``registration.Maps``. Both come in the resolution of the smaller.
        """
        if np.abs(place - (1, 0, 1, 0)).max() < _IN_PLACE:
            side = min(_side(min(self._key_frame(number).size)) for number in (one, other))
            theirs = self._whole(other, side)
            return self._whole(one, side), np.fliplr(theirs).copy() if mirrored else theirs
        first, second = self._key_frame(one), self._key_frame(other)
        if mirrored:
            second = second.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        down, top, across, left = place.tolist()
        ours = [max(0, -left / across), max(0, -top / down)]
        ours += [min(1, (1 - left) / across), min(1, (1 - top) / down)]
        shown = [share * (across, down)[n % 2] + (left, top)[n % 2] for n, share in enumerate(ours)]
        boxes = [_pixels(first, ours), _pixels(second, shown)]
        side = _side(min(min(box[2] - box[0], box[3] - box[1]) for box in boxes))
        one_seen, other_seen = (
            np.asarray(picture.resize((side, side), Image.Resampling.HAMMING, box=box), np.float32)
            for picture, box in zip((first, second), boxes, strict=True)
        )
        return one_seen, other_seen

    # A picture that is in one pair is in others soon after.
    @cached_property
    def _key_frame(self) -> Callable[[int], Image.Image]:
        return lru_cache(_KEPT_FRAMES)(self._decoded)

    @cached_property
    def _whole(self) -> Callable[[int, int], Greys]:
        return lru_cache(_KEPT_VIEWS)(self._resized)

    def _decoded(self, number: int) -> Image.Image:
        """A still's key frame in grey levels."""
        with Image.open(io.BytesIO(self._more(number)), formats=["JPEG"]) as picture:
            # Colours aren't decoded at all.
            picture.draft("L", picture.size)
            return picture.convert("L")

    def _resized(self, number: int, side: int) -> Greys:
        picture = self._key_frame(number).resize((side, side), Image.Resampling.HAMMING)
        return np.asarray(picture, np.float32)

    def _read(self, start: int, size: int) -> bytes:
        return os.pread(self.file.fileno(), size, start)

    def _more(self, number: int) -> bytes:
        start, end = (int(place) for place in self.starts[number : number + 2])
        return self._read(start + _LOOK, end - start - _LOOK)


def _side(smallest: float) -> int:
    """Side at which pictures are compared closely, of which the smaller has so many pixels."""
    return min(_MOST, max(_LEAST, int(_SHARE * smallest)))


def _pixels(picture: Image.Image, shares: list[float]) -> Box:
    left, top, right, bottom = (min(1.0, max(0.0, share)) for share in shares)
    wide, tall = picture.size
    return left * wide, top * tall, right * wide, bottom * tall


@contextmanager
def store_pictures(
    reader: Reader, sizes: Mapping[int, int], rows: Ints
) -> Iterator[StoredPictures]:
    """Pictures of the given rows (ascending, counted over all shards, whose ``sizes`` are given).

    The file lies among the temporary ones (TMPDIR), has no name, and goes with the context.
    """
    lengths: list[int] = []
    moving: list[npt.NDArray[np.bool_]] = [np.empty(0, np.bool_)]
    numbers: list[Ints] = [np.empty((0, 2), np.int64)]
    start = 0
    with TemporaryFile() as file:
        for part, size in sizes.items():
            first, end = np.searchsorted(rows, [start, start + size])
            if first < end:
                some = pa.array(rows[first:end] - start)
                signals = reader.read("signals", part, _SIGNALS).take(some)
                moving.append(signals["animated"].to_numpy())
                columns = signals["duration_ms"].to_numpy(), signals["min_side"].to_numpy()
                numbers.append(np.stack(columns, axis=1).astype(np.int64))
                with disk_errors(Path(gettempdir()), "Let TMPDIR name a folder with more room."):
                    for look, more in _stored(reader, part, signals, some):
                        file.write(look + more)
                        lengths.append(len(look) + len(more))
                    file.flush()
            start += size
        starts = np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)
        duration_ms, min_side = np.concatenate(numbers).T
        yield StoredPictures(file, starts, np.concatenate(moving), duration_ms, min_side)


def _stored(
    reader: Reader, part: int, signals: pa.Table, rows: pa.Array
) -> Iterator[tuple[bytes, bytes]]:
    looks = pc.coalesce(signals["mean64"], signals["grey64"]).to_pylist()
    motion = signals["motion"].to_pylist()
    still = pc.indices_nonzero(pc.invert(signals["animated"]))
    jpegs: dict[int, bytes] = {}
    if len(still):
        frames = reader.read("frames", part, ["key_frames"]).take(rows.take(still))
        first = pc.struct_field(pc.list_element(frames["key_frames"], 0), "jpeg")
        jpegs = dict(zip(still.to_pylist(), first.to_pylist(), strict=True))
    for place, look in enumerate(looks):
        yield look, jpegs[place] if place in jpegs else b"".join(motion[place])
