"""Everything that is measured on a media file's pixels, and its key frames."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.engine.decoding.frames import OPAQUE, CheckedFile, Frame, open_source, read_frames
from pipeline.engine.decoding.header import Undecodable
from pipeline.engine.decoding.looks import look_columns
from pipeline.engine.decoding.one_pass import FramePass, ShownFrame, displayed, read_pass, show
from pipeline.engine.decoding.picture import DARK, WHITE, jpeg
from pipeline.engine.decoding.sticker_frames import RgbaFrame, StickerFrames
from pipeline.engine.images import reading_images
from schemas.config import DecodeConfig

_MOST_MS = 2**31 - 1

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
            yield RgbaFrame(pixels, duration, frame.lowest >= OPAQUE)


Also = Callable[[StickerFrames], list[dict[str, Any]]]
"""What else is done with a sticker's frames once they are decoded."""


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
        seen = read_pass(source)
        return also(DecodedFrames(source, seen.kept, displayed(seen)))


def _measure(source: CheckedFile, caps: DecodeConfig, also: Also) -> Measured:
    seen = read_pass(source)
    declared, frames = source.header.frames, len(seen.durations)
    flags = ["truncated"] if frames < declared else []
    flags += ["refused"] if seen.refused else []
    durations = displayed(seen)
    if frames > 1 and durations != seen.durations:
        flags.append("clamped_durations")
    shown, flag = show(source, seen, durations, caps.key_frames)
    ground = DARK if flag else WHITE
    height, width = seen.shape
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
        **look_columns(shown, seen.kept or read_frames(source), seen.samples, ground),
        "flags": flags + flag,
    }
    key_frames = [_key_frame(one, durations, caps.key_frame_side) for one in shown]
    return Measured(signals, key_frames, also(DecodedFrames(source, seen.kept, durations)))


def _pixel_hash(seen: FramePass, durations: Sequence[int]) -> str:
    """sha256 of size, durations as displayed, and frames."""
    numbers = (*seen.shape, len(durations), *durations)
    return hashlib.sha256(struct.pack(f"<{len(numbers)}I", *numbers) + seen.digest).hexdigest()


def _key_frame(shown: ShownFrame, durations: Sequence[int], side: int) -> Row:
    data, width, height = jpeg(shown.picture, side)
    return {
        "index": shown.index,
        "start_ms": min(sum(durations[: shown.index]), _MOST_MS),
        "duration_ms": durations[shown.index],
        "width": width,
        "height": height,
        "jpeg": data,
    }
