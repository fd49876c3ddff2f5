"""One pass over a media file: everything that is measured on pixels, and the key frames."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.engine.images import reading_images
from pipeline.engine.key_frames import choose, displayed_ms, sample, thumbnails
from pipeline.filter.frames import (
    OPAQUE,
    CheckedFile,
    Frame,
    Pixels,
    open_source,
    read_frames,
)
from pipeline.filter.header import Undecodable
from pipeline.filter.measures.measure import RgbaFrame, StickerFrames
from pipeline.filter.picture import (
    DARK,
    WHITE,
    compose,
    grey_levels,
    is_blank,
    jpeg,
    perceptual_hash,
)
from schemas.config import DecodeConfig

_MOST_MS = 2**31 - 1
_KEEP_BYTES = 128 << 20
"""Frames are kept up to this size for the choice of key frames; beyond, they are read again."""

Row = dict[str, object]
"""Values of one row by column; columns left out are null."""


@dataclass(frozen=True)
class Measured:
    """The columns of a sticker in ``signals``, its key frames, and what ``also`` gave; all lack
    what failed."""

    signals: Row
    key_frames: list[Row] | None
    more: list[dict[str, Any]]


class DecodedFrames:
    """The frames of one file for measures (see ``measure.StickerFrames``)."""

    def __init__(self, source: CheckedFile, kept: Sequence[Frame], durations: Sequence[int]):
        self._source, self._kept, self._durations = source, kept, durations

    def __len__(self) -> int:
        return len(self._durations)

    def __iter__(self) -> Iterator[RgbaFrame]:
        frames = self._kept or read_frames(self._source)
        for frame, duration in zip(frames, self._durations, strict=False):
            pixels = frame.pixels.view(np.uint8).reshape(*frame.pixels.shape, 4)
            pixels.flags.writeable = False  # key frames are made of them
            yield RgbaFrame(pixels, duration)


Also = Callable[[StickerFrames], list[dict[str, Any]]]
"""What else is done with a sticker's frames once they are decoded."""


@dataclass(frozen=True)
class _Pass:
    """What one pass over the frames leaves; ``kept`` is empty where they are too large to keep."""

    shape: tuple[int, int]
    durations: list[int]
    samples: list[npt.NDArray[np.uint32]]
    lowest: int
    digest: bytes
    kept: list[Frame]
    refused: bool


@dataclass(frozen=True)
class _Shown:
    """A key frame on its background, in colour and in grey."""

    index: int
    picture: Image.Image
    grey: Image.Image


def measure(
    data: bytes, kind: str | None, caps: DecodeConfig, also: Also = lambda frames: []
) -> Measured:
    """Measure a file of the format ``kind``; what can't be measured has an ``error`` alone.

    ``error`` begins with ``too_large:`` (a cap of ``filter.decode``), ``needs`` (a format that
    takes an extra) or ``decode:`` (the file is damaged or empty).
    """
    try:
        with reading_images(caps.max_pixels):
            return _measure(open_source(data, kind, caps), caps, also)
    except Undecodable as error:
        return Measured({"error": str(error)}, None, [])


def measure_more(
    data: bytes, kind: str | None, caps: DecodeConfig, also: Also
) -> list[dict[str, Any]]:
    """What ``also`` gives for a file that ``measure`` has decoded before."""
    with reading_images(caps.max_pixels):
        source = open_source(data, kind, caps)
        seen = _read(source)
        return also(DecodedFrames(source, seen.kept, _displayed(seen)))


def _displayed(seen: _Pass) -> list[int]:
    return [displayed_ms(d) for d in seen.durations] if len(seen.durations) > 1 else [0]


def _measure(source: CheckedFile, caps: DecodeConfig, also: Also) -> Measured:
    seen = _read(source)
    declared, frames = source.header.frames, len(seen.durations)
    flags = ["truncated"] if frames < declared else []
    flags += ["refused"] if seen.refused else []
    durations = _displayed(seen)
    if frames > 1 and durations != seen.durations:
        flags.append("clamped_durations")
    shown, flag = _show(source, seen, durations, caps.key_frames)
    height, width = seen.shape
    grey64 = grey_levels(shown[0].grey)
    signals: Row = {
        "width": width,
        "height": height,
        "min_side": min(seen.shape),
        "aspect": max(seen.shape) / min(seen.shape),
        "frames": frames,
        "declared_frames": declared,
        "duration_ms": min(sum(durations), _MOST_MS),
        "animated": frames > 1,
        "transparent": seen.lowest < OPAQUE,
        "entropy": max(one.grey.entropy() for one in shown),
        "pixel_sha256": _pixel_hash(seen, durations),
        "phash": perceptual_hash(grey64),
        "grey64": grey64,
        "flags": flags + flag,
    }
    key_frames = [_key_frame(one, durations, caps.key_frame_side) for one in shown]
    return Measured(signals, key_frames, also(DecodedFrames(source, seen.kept, durations)))


def _read(source: CheckedFile) -> _Pass:
    header = source.header
    room = _room(header.width * header.height * header.frames)
    kept: list[Frame] = []
    sha = hashlib.sha256()
    durations: list[int] = []
    samples = []
    lowest = OPAQUE
    refused = False
    before: Pixels | None = None
    for frame in read_frames(source, room):
        _add_frame(sha, frame.pixels, before)
        before = frame.pixels
        durations.append(frame.duration_ms)
        lowest = min(lowest, frame.lowest)
        refused |= frame.refused
        if header.frames > 1:
            samples.append(sample(frame.pixels))
        if header.frames == 1 or room is not None:
            kept.append(frame)
    shape = (0, 0) if before is None else (before.shape[0], before.shape[1])
    return _Pass(shape, durations, samples, lowest, sha.digest(), kept, refused)


_rooms = [np.empty(0, dtype=np.uint32)]


def _room(pixels: int) -> Pixels | None:
    """Memory for the frames of one file, used again for the next; None above _KEEP_BYTES.

    Asking the system for fresh memory, and giving it back, for each file would take a tenth of
    the time of the whole pass.
    """
    if 4 * pixels > _KEEP_BYTES:
        return None
    if pixels > _rooms[0].size:
        _rooms[0] = np.empty(pixels, dtype=np.uint32)
    return _rooms[0]


def _add_frame(sha: hashlib._Hash, pixels: Pixels, before: Pixels | None) -> None:
    """Hash which pixels changed, and to what: it tells frames apart as well, and is far faster."""
    if before is None:
        sha.update(pixels.data)
        return
    # Pairs of pixels, where they pair up: half as many comparisons and picks.
    words = np.uint64 if pixels.size % 2 == 0 else np.uint32
    now, then = pixels.reshape(-1).view(words), before.reshape(-1).view(words)
    changed = now != then
    sha.update(np.packbits(changed).data)
    sha.update(now[changed].data)


def _pixel_hash(seen: _Pass, durations: Sequence[int]) -> str:
    """sha256 of size, durations as displayed, and frames."""
    numbers = (*seen.shape, len(durations), *durations)
    return hashlib.sha256(struct.pack(f"<{len(numbers)}I", *numbers) + seen.digest).hexdigest()


def _show(
    source: CheckedFile, seen: _Pass, durations: Sequence[int], most: int
) -> tuple[list[_Shown], list[str]]:
    """Key frames on white; on dark, with a flag, where white would hide all there is to see."""
    shown = _on_ground(source, seen, durations, most, WHITE)
    if seen.lowest < OPAQUE and all(is_blank(one.grey) for one in shown):
        dark = _on_ground(source, seen, durations, most, DARK)
        if not all(is_blank(one.grey) for one in dark):
            return dark, ["dark_background"]
    return shown, []


def _on_ground(
    source: CheckedFile, seen: _Pass, durations: Sequence[int], most: int, ground: int
) -> list[_Shown]:
    picks = [0]
    if len(durations) > 1:
        picks = choose(thumbnails(seen.samples, ground), durations, most)
    frames: Iterable[tuple[int, Frame]]
    if not seen.kept:
        frames = enumerate(islice(read_frames(source), picks[-1] + 1))
    else:
        frames = ((index, seen.kept[index]) for index in picks)
    shown = []
    for index, frame in frames:
        if index in picks:
            picture = compose(frame, ground)
            shown.append(_Shown(index, picture, picture.convert("L")))
    return shown


def _key_frame(shown: _Shown, durations: Sequence[int], side: int) -> Row:
    data, width, height = jpeg(shown.picture, side)
    return {
        "index": shown.index,
        "start_ms": min(sum(durations[: shown.index]), _MOST_MS),
        "duration_ms": durations[shown.index],
        "width": width,
        "height": height,
        "jpeg": data,
    }
