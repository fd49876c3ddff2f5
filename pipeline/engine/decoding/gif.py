"""Frames of a GIF as Pillow shows them, for half of what its own compositing costs.

Pillow unpacks each frame's rectangle; here the rectangle alone gets its colours and is laid on the
frame before. Pillow itself colours, converts and pastes the whole canvas for every frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from pipeline.engine.decoding.header import palette_bytes, skip_blocks, u16

Words = npt.NDArray[np.uint32]
"""Height x width; bytes red, green, blue, alpha in memory; 0 where fully transparent."""

_OPAQUE = np.uint32(0xFF000000)
_GREYS = bytes(level for level in range(256) for _ in range(3))
_EXTENSION, _IMAGE, _CONTROL, _APPLICATION = 0x21, 0x2C, 0xF9, 0xFF
_BACKGROUND, _BEFORE = 2, 3


class Irregular(Exception):  # noqa: N818 - it is an answer about a file, not a fault of ours
    """Readers of GIFs differ on what comes next; the whole of Pillow has to show it."""


@dataclass(frozen=True)
class Picture:
    """A displayed frame; ``lowest`` of its pixels is at least that of an opaque one where it is
    opaque. Outside of ``rows`` (first, one past the last) it is as the frame before.
    """

    pixels: Words
    duration_ms: int
    lowest: int
    rows: tuple[int, int]


@dataclass(frozen=True)
class _Part:
    """A frame as the file has it: ``packed`` covers the rectangle ``box`` (x0, y0, x1, y1)."""

    box: tuple[int, int, int, int]
    palette: bytes
    transparent: int | None
    disposal: int
    duration_ms: int
    bits: int
    interlaced: bool
    packed: bytes

    def where(self) -> tuple[slice, slice]:
        """Where it lies on the canvas."""
        x0, y0, x1, y1 = self.box
        return slice(y0, y1), slice(x0, x1)


def gif_frames(data: bytes, room: Iterator[Words]) -> Iterator[Picture]:
    """Yield the frames from the first; Irregular before one that needs the whole of Pillow.

    ``room`` gives the memory for each, height x width. The frame before must be left as it is.
    """
    background = data[11] if data[10] & 0x80 else 0
    colours, opaque = _Colours(), True
    before: Words | None = None
    last: _Part | None = None
    saved: Words | None = None
    screen = u16(data, 8), u16(data, 6)
    for part, pixels in zip(_parts(data), room, strict=False):
        if pixels.shape != screen:
            raise Irregular
        top, bottom = part.box[1], part.box[3]
        if before is None or last is None:
            opaque = part.transparent is None
            pixels[:] = colours.table(part)[part.transparent or 0].as_py()
            top, bottom = 0, len(pixels)
        else:
            pixels[:] = before
            if saved is not None:
                pixels[last.where()] = saved
                top, bottom = min(top, last.box[1]), max(bottom, last.box[3])
        drawn = colours.drawn(part)
        saved = _left(part, pixels, background, first=before is None, opaque=opaque)
        _lay(drawn, pixels[part.where()])
        lowest = int(_OPAQUE if opaque else pixels.min())
        yield Picture(pixels, part.duration_ms, lowest, (top, bottom))
        before, last = pixels, part


def _left(
    part: _Part, pixels: Words, background: int, *, first: bool, opaque: bool
) -> Words | None:
    """What its rectangle shows once the frame is gone; None where the frame stays.

    ``opaque`` says that the first frame has no transparent colour: all others then have none
    either, and what they clear is filled with colour.
    """
    height, width = part.box[3] - part.box[1], part.box[2] - part.box[0]
    if part.disposal < _BACKGROUND:
        return None
    if part.disposal > _BACKGROUND and not first:
        return pixels[part.where()].copy()
    if part.transparent is not None and (first or not opaque):
        return np.zeros((height, width), np.uint32)
    if part.disposal > _BACKGROUND:
        return None
    index = background if part.transparent is None else part.transparent
    if 3 * index >= len(part.palette):
        if first:
            raise Irregular
        index = 0
    red, green, blue = part.palette[3 * index : 3 * index + 3]
    return np.full((height, width), red | green << 8 | blue << 16 | _OPAQUE, np.uint32)


def _lay(drawn: Words, place: Words) -> None:
    if int(drawn.min()):
        place[:] = drawn
        return
    # Arithmetic, since picking by a mask takes several times as long.
    np.multiply(place, drawn == 0, out=place)
    np.bitwise_or(place, drawn, out=place)


class _Colours:
    """Unpacks frames; keeps the colours of the last one, since most share a palette."""

    def __init__(self) -> None:
        self._key: tuple[bytes, int | None] = (b"", None)
        self._table = pa.array(np.zeros(256, np.uint32))
        self._indices = Image.new("L", (0, 0))

    def table(self, part: _Part) -> pa.Array:
        """256 colours; 0 where transparent, and beyond the palette's end."""
        if self._key != (part.palette, part.transparent):
            count = len(part.palette) // 3
            table = np.zeros((256, 4), np.uint8)
            table[:count, :3] = np.frombuffer(part.palette, np.uint8).reshape(count, 3)
            table[:count, 3] = 255
            if part.transparent is not None:
                table[part.transparent] = 0
            self._key, self._table = (
                (part.palette, part.transparent),
                pa.array(table.view("<u4")[:, 0]),
            )
        return self._table

    def drawn(self, part: _Part) -> Words:
        """The pixels of the frame's rectangle."""
        x0, y0, x1, y1 = part.box
        size = x1 - x0, y1 - y0
        if self._indices.size != size:
            self._indices = Image.new("L", size)
        image = self._indices
        try:
            image.frombytes(part.packed, "gif", part.bits, part.interlaced, -1)
        except ValueError as error:
            raise Irregular from error
        if 3 << part.bits > len(part.palette):
            highest = image.getextrema()[1]
            assert isinstance(highest, int)
            if 3 * highest >= len(part.palette) and highest != part.transparent:
                raise Irregular
        try:
            indices = pa.array(image)
        except ValueError as error:  # it is large, and lies in pieces
            raise Irregular from error
        # Arrow looks them up three times as fast as numpy, and without Pillow's cost a picture.
        found = self.table(part).take(indices)
        return np.frombuffer(found.buffers()[1], "<u4").reshape(size[::-1])


def _parts(data: bytes) -> Iterator[_Part]:
    """The frames in the file's order, up to its end or what isn't as the format says."""
    width, height = u16(data, 6), u16(data, 8)
    at = 13 + palette_bytes(data[10])
    common = data[13:at]
    transparent: int | None = None
    duration = disposal = 0
    while at + 10 < len(data):
        if data[at] == _IMAGE:
            x0, y0 = u16(data, at + 1), u16(data, at + 3)
            box = x0, y0, x0 + u16(data, at + 5), y0 + u16(data, at + 7)
            flags = data[at + 9]
            at += 10
            own = data[at : at + palette_bytes(flags)]
            at += len(own)
            palette = own if flags & 0x80 else common
            end = skip_blocks(data, at + 1)
            empty = box[0] == box[2] or box[1] == box[3]
            # Pillow grows the canvas for a frame beyond it, and takes some palettes for greys.
            packed = data[at + 1 : end]
            if empty or box[2] > width or box[3] > height or _GREYS.startswith(palette):
                raise Irregular
            if not packed:
                return
            yield _Part(
                box, palette, transparent, disposal, duration, data[at], bool(flags & 64), packed
            )
            at, transparent, duration = end, None, 0
        elif data[at] == _EXTENSION:
            _check_extension(data, at)
            if data[at + 1] == _CONTROL:
                flags = data[at + 3]
                duration = 10 * u16(data, at + 4)
                transparent = data[at + 6] if flags & 1 else transparent
                # One that says nothing leaves what the last one said, as in Pillow.
                disposal = flags >> 2 & 7 or disposal
            at = skip_blocks(data, at + 2)
        else:
            raise Irregular


def _check_extension(data: bytes, at: int) -> None:
    """Irregular where readers don't agree on where an extension ends."""
    label, size = data[at + 1], data[at + 2]
    if label == _CONTROL and (size != 4 or data[at + 7]):
        raise Irregular
    looped = label == _APPLICATION and data[at + 3 : at + 14] == b"NETSCAPE2.0"
    if not size or (looped and not data[at + 3 + size : at + 4 + size].strip(b"\0")):
        raise Irregular
