"""Whether bytes carry a C2PA manifest (Content Credentials), by the place their format has for it.

Only containers are walked, nothing is decoded and no signature is checked. Places are those of
the C2PA specification 2.2, appendix A.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

_MAX_PARTS = 100_000
"""Segments, chunks, boxes or blocks looked at; files that aren't built to exhaust us have fewer."""

_STORE = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
"""Type of the JUMBF box that holds a manifest store (section 11.1)."""

_BMFF_TYPE = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_GIF_EXTENSION = b"C2PA_GIF"
_TIFF_TAG = 0xCD41
_MAX_DIRECTORIES = 100


def has_c2pa(data: bytes, format_name: str) -> bool:
    """Whether the bytes carry a manifest; false for formats that have no place for one.

    ``format_name`` is what sniff() says of them. Broken files are walked as far as they go.
    """
    found = _WAYS.get(format_name)
    return found is not None and found(data)


def _in_jpeg(data: bytes) -> bool:
    """An APP11 segment that begins a JUMBF box with a manifest store (A.3.1)."""
    for start, end in _jpeg_segments(data, 0xEB):
        # Two letters, instance and number of the packet; then the box that they carry.
        if data[start : start + 2] == b"JP" and _is_store(data, start + 8, end):
            return True
    return False


def _jpeg_segments(data: bytes, wanted: int) -> Iterator[tuple[int, int]]:
    """Places of the contents of that marker's segments before the picture's own bytes."""
    place = 2
    for _ in range(_MAX_PARTS):
        if data[place : place + 1] != b"\xff":
            return
        while data[place + 1 : place + 2] == b"\xff":  # fill bytes
            place += 1
        marker = data[place + 1] if place + 1 < len(data) else 0xD9
        if marker in (0xD9, 0xDA):  # the end, or the picture itself
            return
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        if length < 2:
            return
        if marker == wanted:
            yield place + 4, min(place + 2 + length, len(data))
        place += 2 + length


def _in_png(data: bytes) -> bool:
    """A chunk caBX (A.3.2)."""
    place = 8
    for _ in range(_MAX_PARTS):
        kind = data[place + 4 : place + 8]
        if kind == b"caBX":
            return True
        if len(kind) < 4 or kind == b"IEND":
            break
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    return False


def _in_gif(data: bytes) -> bool:
    """An application extension C2PA_GIF before the first image (A.3.7)."""
    place = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0)
    for _ in range(_MAX_PARTS):
        if data[place : place + 1] != b"\x21":
            return False
        if data[place + 1 : place + 3] == b"\xff\x0b" and data.startswith(
            _GIF_EXTENSION, place + 3
        ):
            return True
        place += 2
        while place < len(data) and data[place]:
            place += 1 + data[place]
        place += 1
    return False


def _in_riff(data: bytes) -> bool:
    """A chunk C2PA (A.3.6)."""
    place = 12
    for _ in range(_MAX_PARTS):
        kind = data[place : place + 4]
        if len(kind) < 4:
            break
        if kind == b"C2PA":
            return True
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return False


def _in_bmff(data: bytes) -> bool:
    """A box uuid of C2PA's own type (A.5.1)."""
    return any(
        kind == b"uuid" and data.startswith(_BMFF_TYPE, start) for kind, _, start, _ in _boxes(data)
    )


def _in_jxl(data: bytes) -> bool:
    """A box jumb with a manifest store (A.3.8); a bare codestream has no boxes."""
    if data.startswith(b"\xff\x0a"):
        return False
    return any(
        kind == b"jumb" and _is_store(data, begin, end) for kind, begin, _, end in _boxes(data)
    )


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """Outermost boxes: kind, where the box, its contents and what follows begin."""
    place = 0
    for _ in range(_MAX_PARTS):
        if place + 8 > len(data):
            return
        size, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        start = place + 8
        if size == 1:
            size, start = int.from_bytes(data[place + 8 : place + 16], "big"), place + 16
        elif size == 0:
            size = len(data) - place
        if size < start - place:
            return
        yield kind, place, start, min(place + size, len(data))
        place += size


def _is_store(data: bytes, place: int, end: int) -> bool:
    """Whether the box there is a JUMBF box whose description names a manifest store."""
    large = int.from_bytes(data[place : place + 4], "big") == 1
    inner = place + (16 if large else 8)
    if data[place + 4 : place + 8] != b"jumb" or data[inner + 4 : inner + 8] != b"jumd":
        return False
    return inner + 8 + len(_STORE) <= end and data.startswith(_STORE, inner + 8)


def _in_tiff(data: bytes) -> bool:
    """A tag 52545 in any directory (A.3.5)."""
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"
    place, seen = int.from_bytes(data[4:8], order), set[int]()
    while 8 <= place < len(data) and place not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(place)
        count = int.from_bytes(data[place : place + 2], order)
        end = place + 2 + 12 * count
        tags = (data[at : at + 2] for at in range(place + 2, min(end, len(data)), 12))
        if any(int.from_bytes(tag, order) == _TIFF_TAG for tag in tags):
            return True
        place = int.from_bytes(data[end : end + 4], order)
    return False


_WAYS: dict[str, Callable[[bytes], bool]] = {
    "jpeg": _in_jpeg,
    "png": _in_png,
    "apng": _in_png,
    "gif": _in_gif,
    "webp": _in_riff,
    "avif": _in_bmff,
    "heic": _in_bmff,
    "mp4": _in_bmff,
    "jxl": _in_jxl,
    "tiff": _in_tiff,
}
