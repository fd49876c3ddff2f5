"""What WebM declares in its elements (Matroska, RFC 9559), read without decoding a pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.engine.decoding.header import Header, Undecodable

_MOST_ELEMENTS = 50_000
"""Far beyond what any sticker has: a walk over more would take seconds."""

_SEGMENT, _CLUSTER, _TRACKS, _TRACK, _VIDEO, _GROUP = (
    0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0xE0, 0xA0,
)  # fmt: skip
_NUMBER, _KIND, _CODEC, _WIDTH, _HEIGHT = 0xD7, 0x83, 0x86, 0xB0, 0xBA
_SIMPLE_BLOCK, _BLOCK = 0xA3, 0xA1
# Entered rather than skipped, so that it doesn't matter whether their size is known.
_ENTERED = {_SEGMENT, _CLUSTER, _TRACKS, _TRACK, _VIDEO, _GROUP}


@dataclass
class _Track:
    number: int = 0
    kind: int = 0
    codec: bytes = b""
    width: int = 0
    height: int = 0


def scan_webm(data: bytes) -> Header:
    """Size of the first video track, and its blocks that show a frame.

    A file that is cut off declares one frame more than it holds: how many there were isn't
    written anywhere.
    """
    tracks: list[_Track] = []
    blocks: list[bytes] = []
    cut = False
    for name, size, body in _elements(data):
        if name == _SEGMENT:
            cut = size is not None and size > len(body)
        elif name == _TRACK:
            tracks.append(_Track())
        elif name in (_SIMPLE_BLOCK, _BLOCK):
            if size is not None and size > len(body):
                cut = True
            else:
                # Enough for the numbers before the frame, and for how it begins.
                blocks.append(bytes(body[:16]))
        elif tracks:
            _read_track(tracks[-1], name, bytes(body[:16]))
    video = next((track for track in tracks if track.kind == 1), None)
    if video is None:
        raise Undecodable("decode: there is no video in the file")
    frames = sum(_shown(block, video) for block in blocks)
    return Header(video.width, video.height, frames + cut, len(data))


def _read_track(track: _Track, name: int, body: bytes) -> None:
    number = int.from_bytes(body[:8], "big")
    if name == _NUMBER:
        track.number = number
    elif name == _KIND:
        track.kind = number
    elif name == _CODEC:
        track.codec = body
    elif name == _WIDTH:
        track.width = number
    elif name == _HEIGHT:
        track.height = number


def _shown(block: bytes, video: _Track) -> int:
    """How many frames of the video a block shows."""
    number, at = _number(block, 0)
    if number != video.number or len(block) < at + 4:
        return 0
    laced, start = block[at + 2] & 0x06, block[at + 3]
    if laced:
        return 1 + start
    # VP8 has frames that are only looked up, in blocks of their own; others bundle them.
    return int(video.codec != b"V_VP8" or bool(start & 0x10))


def _elements(data: bytes) -> Iterator[tuple[int, int | None, memoryview]]:
    """Name, declared size (None if unknown) and body of each element, as far as it is there."""
    view = memoryview(data)
    at = 0
    for _ in range(_MOST_ELEMENTS):
        name, at = _name(data, at)
        size, at = _number(data, at)
        if name is None or at > len(data):
            return
        yield name, size, view[at : len(data) if size is None else at + size]
        if name not in _ENTERED:
            if size is None:
                return
            at += size
    raise Undecodable(f"decode: the file has more than {_MOST_ELEMENTS:,} elements")


def _name(data: bytes, at: int) -> tuple[int | None, int]:
    length = 9 - data[at].bit_length() if at < len(data) and data[at] else 9
    if length > 4 or at + length > len(data):
        return None, at
    return int.from_bytes(data[at : at + length], "big"), at + length


def _number(data: bytes, at: int) -> tuple[int | None, int]:
    """A number of variable length and where it ends; None where all its bits are set."""
    if at >= len(data) or not data[at]:
        return None, len(data) + 1
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big") & (1 << 7 * length) - 1
    return (None if value == (1 << 7 * length) - 1 else value), at + length
