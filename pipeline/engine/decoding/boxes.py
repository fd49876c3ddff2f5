"""What AVIF and MP4 declare in their boxes (ISO 14496-12), read without decoding a pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from pipeline.engine.decoding.header import Header, Undecodable

_MOST_BOXES = 20_000
"""Far beyond what any sticker has: a walk over more would take seconds."""
_MOST_ENTRIES = 100_000
"""Read of the tables of all tracks. Of an MP4 none is needed, and an AVIF of more has more frames
than may be decoded."""


@dataclass
class _Track:
    """A track's kind, size in pixels, samples, and where those lie in the file."""

    handler: bytes = b""
    width: int = 0
    height: int = 0
    samples: int = 0
    sizes: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    runs: list[tuple[int, int]] = field(default_factory=list)
    """From which chunk on (1 is the first), and samples a chunk."""


@dataclass
class _Found:
    """Everything that the boxes of a file say about pictures."""

    extents: list[tuple[int, int]] = field(default_factory=list)
    """Width and height of pictures outside of tracks (ispe)."""
    tracks: list[_Track] = field(default_factory=list)
    entries: int = _MOST_ENTRIES
    """How many more may be read."""
    fragments: int = 0
    cut_fragment: bool = False


def scan_mp4(data: bytes) -> Header:
    """Size and samples of the first video track; fragments count to it.

    Where the file breaks off within a fragment's index, that counts as one frame.
    """
    found = _walk(data)
    track = next((one for one in found.tracks if one.handler == b"vide"), None)
    if track is None:
        raise Undecodable("decode: the index is missing, or names no video")
    samples = track.samples + found.fragments + found.cut_fragment
    return Header(track.width, track.height, samples, len(data))


def scan_avif(data: bytes) -> Header:
    """The largest picture that is declared, and the frames of a sequence.

    Of a sequence that is cut off, ``usable`` is the length that its index asks for.
    """
    found = _walk(data)
    pictures = [one for one in found.tracks if one.handler == b"pict"]
    extents = [*found.extents, *((one.width, one.height) for one in pictures)]
    if not extents:
        raise Undecodable("decode: there is no image in the file")
    # Sizes of thumbnails and of the tiles of a grid are declared in the same way.
    width, height = (max(side) for side in zip(*extents, strict=True))
    if not pictures or data[8:12] != b"avis":
        return Header(width, height, 1, len(data))
    ends = [_sample_ends(track) for track in found.tracks if track.handler in (b"pict", b"auxv")]
    usable = max((end for track in ends for end in track), default=len(data))
    return Header(width, height, pictures[0].samples, max(usable, len(data)))


def whole_frames(data: bytes) -> int:
    """How many first frames of an AVIF sequence lie wholly within ``data``, in all its tracks."""
    tracks = [one for one in _walk(data).tracks if one.handler in (b"pict", b"auxv")]
    counts = []
    for track in tracks:
        ends = _sample_ends(track)
        counts.append(next((n for n, end in enumerate(ends) if end > len(data)), len(ends)))
    return min(counts, default=0)


_INNER = {
    b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"moof": 0, b"traf": 0,
    b"meta": 4, b"iprp": 0, b"ipco": 0,
}  # fmt: skip
"""Boxes that are entered, and the bytes before the first box within."""


def _walk(data: bytes) -> _Found:
    found = _Found()
    for kind, body, whole in _boxes(data):
        track = found.tracks[-1] if found.tracks else _Track()
        if kind == b"trak":
            found.tracks.append(_Track())
        elif kind == b"ispe":
            found.extents.append((_u32(body, 4), _u32(body, 8)))
        elif kind == b"hdlr" and found.tracks and not track.handler:
            track.handler = bytes(body[8:12])
        elif kind == b"stsd":
            track.width, track.height = _u16(body, 40), _u16(body, 42)
        elif kind == b"stsz":
            track.samples = _u32(body, 8)
            track.sizes = _sizes(body, track.samples, found)
        elif kind in (b"stco", b"co64"):
            wide = 4 if kind == b"stco" else 8
            track.offsets = _numbers(body, 8, wide, _u32(body, 4), found)
        elif kind == b"stsc":
            rows = _numbers(body, 8, 4, 3 * _u32(body, 4), found)
            track.runs = list(zip(rows[::3], rows[1::3], strict=False))
        elif kind == b"moof":
            found.cut_fragment = not whole
        elif kind == b"trun":
            found.fragments += _u32(body, 4)
    return found


def _boxes(data: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Kind and body of every box in the order in which they begin, entered boxes included; and
    whether it lies wholly within what it stands in."""
    view = memoryview(data)
    ends = [len(data)]
    at = 0
    for _ in range(_MOST_BOXES):
        while ends and at + 8 > ends[-1]:
            at = max(at, ends.pop())
        if not ends:
            return
        size, kind, start = _u32(view, at), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(view[at + 8 : at + 16], "big"), at + 16
        end = min(at + size if size else ends[-1], ends[-1])
        if end < start:
            at = ends.pop()
            continue
        yield kind, view[start:end], at + size <= ends[-1]
        if kind in _INNER:
            ends.append(end)
            at = start + _INNER[kind]
        else:
            at = end
    raise Undecodable(f"decode: the file has more than {_MOST_BOXES:,} boxes")


def _sizes(body: memoryview, samples: int, found: _Found) -> list[int]:
    same = _u32(body, 4)
    if same:
        return [same] * _allow(samples, found)
    return _numbers(body, 12, 4, samples, found)


def _sample_ends(track: _Track) -> list[int]:
    """Where each sample of a track ends in the file, as far as its tables say."""
    ends: list[int] = []
    samples, runs = iter(track.sizes), iter(track.runs)
    many, following = 0, next(runs, None)
    for chunk, at in enumerate(track.offsets, 1):
        while following is not None and following[0] <= chunk:
            many, following = following[1], next(runs, None)
        for size in islice(samples, many):
            at += size  # noqa: PLW2901 - the samples of a chunk lie one after the other
            ends.append(at)
    return ends


def _numbers(body: memoryview, at: int, wide: int, count: int, found: _Found) -> list[int]:
    """At most ``count`` big-endian numbers, as many as there are and may still be read."""
    count = _allow(min(count, max(0, len(body) - at) // wide), found)
    return [int.from_bytes(body[at + wide * n : at + wide * (n + 1)], "big") for n in range(count)]


def _allow(count: int, found: _Found) -> int:
    allowed = min(count, found.entries)
    found.entries -= allowed
    return allowed


def _u32(data: memoryview, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _u16(data: memoryview, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")
