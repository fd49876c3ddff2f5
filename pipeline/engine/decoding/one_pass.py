"""One pass over the frames of a media file, and its key frames as pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.engine.decoding.frames import (
    OPAQUE,
    CheckedFile,
    Frame,
    Pixels,
    open_source,
    read_frames,
)
from pipeline.engine.decoding.header import Undecodable
from pipeline.engine.decoding.picture import (
    DARK,
    WHITE,
    compose,
    grey_levels,
    is_blank,
    perceptual_hash,
    picture_signs,
)
from pipeline.engine.images import reading_images
from pipeline.engine.key_frames import choose, sample, thumbnails
from schemas.config import DecodeConfig

_KEEP_BYTES = 128 << 20
"""Frames are kept up to this size for the choice of key frames; beyond, they are read again."""


@dataclass(frozen=True)
class FramePass:
    """What one pass over the frames leaves; ``kept`` is empty where they are too large to keep.

    ``displayed`` is how long each frame is shown, where ``durations`` says what it asks for.
    """

    shape: tuple[int, int]
    durations: list[int]
    displayed: list[int]
    samples: list[npt.NDArray[np.uint32]]
    lowest: int
    digest: bytes
    kept: list[Frame]
    refused: bool


@dataclass(frozen=True)
class ShownFrame:
    """A key frame on its background, in colour and in grey."""

    index: int
    picture: Image.Image
    grey: Image.Image


def hash_file(data: bytes, kind: str | None, caps: DecodeConfig) -> tuple[bytes, bytes] | None:
    """A file's perceptual hash as ``signals`` has it, 8 bytes, and the ``picture_signs`` of the
    same picture, 32 bytes; None where it can't be decoded.

    One at a time: Pillow's limits and the memory for frames are those of the whole process.
    """
    try:
        with reading_images(caps.max_pixels):
            source = open_source(data, kind, caps)
            seen = read_pass(source)
            shown, _ = show(source, seen, displayed(seen), caps.key_frames)
    except Undecodable:
        return None
    levels = grey_levels(shown[0].grey)
    return perceptual_hash(levels), picture_signs(levels)


def displayed(seen: FramePass) -> list[int]:
    """How long each frame is shown, in milliseconds; a picture that stands still for none."""
    return seen.displayed if len(seen.durations) > 1 else [0]


def read_pass(source: CheckedFile) -> FramePass:
    """Decode every frame once; Undecodable when there is none. Runs within ``reading_images``.

    The kept frames lie in memory that the next pass uses again.
    """
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
        _add_frame(sha, frame, before)
        before = frame.pixels
        durations.append(frame.duration_ms)
        lowest = min(lowest, frame.lowest)
        refused |= frame.refused
        if header.frames > 1:
            samples.append(sample(frame.pixels))
        if header.frames == 1 or room is not None:
            kept.append(frame)
    shape = (0, 0) if before is None else (before.shape[0], before.shape[1])
    shown = [source.displayed_ms(duration) for duration in durations]
    return FramePass(shape, durations, shown, samples, lowest, sha.digest(), kept, refused)


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


def _add_frame(sha: hashlib._Hash, frame: Frame, before: Pixels | None) -> None:
    """Hash which pixels changed, and to what: it tells frames apart as well, and is far faster."""
    pixels = frame.pixels
    if before is None:
        sha.update(pixels.data)
        return
    # Pairs of pixels, where they pair up: half as many comparisons and picks.
    pair = 2 if pixels.size % 2 == 0 else 1
    words = np.uint64 if pair == 2 else np.uint32
    now, then = pixels.reshape(-1).view(words), before.reshape(-1).view(words)
    top, bottom = frame.rows or (0, pixels.shape[0])
    # Only between these can anything have changed.
    first, end = top * pixels.shape[1] // pair, -(-bottom * pixels.shape[1] // pair)
    changed = np.zeros(now.size, dtype=bool)
    np.not_equal(now[first:end], then[first:end], out=changed[first:end])
    sha.update(np.packbits(changed).data)
    sha.update(now[first:end][changed[first:end]].data)


def show(
    source: CheckedFile, seen: FramePass, durations: Sequence[int], most: int
) -> tuple[list[ShownFrame], list[str]]:
    """Key frames on white; on dark, with a flag, where white would hide all there is to see."""
    shown = _on_ground(source, seen, durations, most, WHITE)
    if seen.lowest < OPAQUE and all(is_blank(one.grey) for one in shown):
        dark = _on_ground(source, seen, durations, most, DARK)
        if not all(is_blank(one.grey) for one in dark):
            return dark, ["dark_background"]
    return shown, []


def _on_ground(
    source: CheckedFile, seen: FramePass, durations: Sequence[int], most: int, ground: int
) -> list[ShownFrame]:
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
            shown.append(ShownFrame(index, picture, picture.convert("L")))
    return shown
