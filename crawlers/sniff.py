"""The media format of bytes, by their first bytes and never by a name or a header."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

_PNG = b"\x89PNG\r\n\x1a\n"
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1"})
_TGS_PROBE = 4096

FORMATS = (
    "gif",
    "png",
    "apng",
    "jpeg",
    "webp",
    "avif",
    "heic",
    "jxl",
    "bmp",
    "tiff",
    "webm",
    "mp4",
    "tgs",
)
"""Every answer that sniff() can give."""


def sniff(data: bytes) -> str | None:
    """Name of the format (one of FORMATS); None when the bytes are no media that we know."""
    for prefix, name in _PREFIXES:
        if data.startswith(prefix):
            return name
    if data.startswith(_PNG):
        return "apng" if _is_animated_png(data) else "png"
    if data[4:8] == b"ftyp":
        return _of_brand(data)
    return next((name for name, holds in _CHECKS if holds(data)), None)


_PREFIXES = (
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"\xff\x0a", "jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"),
)


def _is_animated_png(data: bytes) -> bool:
    """Whether an acTL chunk stands before the first IDAT, as the APNG specification asks."""
    offset = len(_PNG)
    while offset + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        if kind == b"acTL":
            return True
        if kind in (b"IDAT", b"IEND"):
            return False
        offset += 12 + length
    return False


def _of_brand(data: bytes) -> str | None:
    size = int.from_bytes(data[:4], "big")
    brands = {data[8:12]} | {data[at : at + 4] for at in range(16, min(size, 256, len(data)), 4)}
    if brands & _AVIF_BRANDS:
        return "avif"
    if brands & _HEIC_BRANDS:
        return "heic"
    return "mp4" if size >= 16 else None


def _is_bitmap(data: bytes) -> bool:
    # "BM" alone also begins ordinary words.
    return len(data) >= 18 and int.from_bytes(data[14:18], "little") in _BMP_HEADERS


def _is_lottie(data: bytes) -> bool:
    # Bounded: a gzip bomb is never unpacked beyond the probe.
    try:
        text = zlib.decompressobj(31).decompress(data[:_TGS_PROBE], _TGS_PROBE)
    except zlib.error:
        return False
    return text.lstrip().startswith(b"{") and (b'"layers"' in text or b'"tgs"' in text)


_CHECKS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("webp", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP"),
    ("webm", lambda data: data.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in data[:64]),
    ("bmp", lambda data: data.startswith(b"BM") and _is_bitmap(data)),
    ("tgs", lambda data: data.startswith(b"\x1f\x8b") and _is_lottie(data)),
)
