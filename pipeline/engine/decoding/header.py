"""What a media file declares about itself, read from its bytes without decoding a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.config import DecodeConfig  # children that decode do without pydantic


class Undecodable(Exception):  # noqa: N818 - it is an answer about a file, not a fault of ours
    """Why a file can't be measured, in words for people."""


@dataclass(frozen=True)
class Header:
    """Canvas in pixels and frames as declared; ``usable`` is the length of the sound bytes."""

    width: int
    height: int
    frames: int
    usable: int


def check_caps(header: Header, caps: DecodeConfig) -> None:
    """Raise Undecodable when decoding could take more memory or time than allowed."""
    if header.width < 1 or header.height < 1:
        raise Undecodable(f"decode: the canvas is {header.width} x {header.height} pixels")
    pixels = header.width * header.height
    for figure, cap, what, key in (
        (pixels, caps.max_pixels, f"pixels ({header.width} x {header.height})", "max_pixels"),
        (header.frames, caps.max_frames, "frames", "max_frames"),
        (pixels * header.frames, caps.max_total_pixels, "pixels in all frames", "max_total_pixels"),
    ):
        if figure > cap:
            raise Undecodable(
                f"too_large: it declares {figure:,} {what}; the cap is {cap:,} "
                f"(filter.decode.{key})"
            )


def scan_gif(data: bytes) -> Header:
    """Walk a GIF's blocks: the largest extent that any frame asks for, and all frames."""
    if len(data) < 13:
        raise Undecodable("decode: the file ends within its header")
    width, height = u16(data, 6), u16(data, 8)
    frames = 0
    at = 13 + palette_bytes(data[10])
    end = len(data)
    while at < end and data[at] != 0x3B:
        if data[at] == 0x21:
            at = skip_blocks(data, at + 2)
        elif data[at] == 0x2C:
            if at + 10 >= end:
                break
            # A frame may reach beyond the canvas, and decoders then enlarge the canvas.
            width = max(width, u16(data, at + 1) + u16(data, at + 5))
            height = max(height, u16(data, at + 3) + u16(data, at + 7))
            frames += 1
            at = skip_blocks(data, at + 11 + palette_bytes(data[at + 9]))
        else:
            at += 1
    return Header(width, height, frames, end)


def scan_png(data: bytes) -> Header:
    """Read IHDR, and acTL when it stands before the first pixels, as APNG demands."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise Undecodable("decode: the file ends within its header")
    frames = 1
    at = 8
    while at + 12 <= len(data) and data[at + 4 : at + 8] not in (b"IDAT", b"IEND"):
        if data[at + 4 : at + 8] == b"acTL":
            frames = max(1, int.from_bytes(data[at + 8 : at + 12], "big"))
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    return Header(width, height, frames, len(data))


def scan_jpeg(data: bytes) -> Header:
    """Walk a JPEG's segments to the frame header, which holds its size."""
    at = 2
    while at + 9 <= len(data):
        marker = data[at + 1]
        if data[at] != 0xFF or marker == 0xFF:
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = (int.from_bytes(data[at + i : at + i + 2], "big") for i in (5, 7))
            return Header(width, height, 1, len(data))
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise Undecodable("decode: the file ends within its header")


def scan_webp(data: bytes) -> Header:
    """Walk a WebP's chunks: canvas, frames, and where the last complete chunk ends."""
    size = _webp_canvas(data)
    frames = 0
    at = usable = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        frames += data[at : at + 4] == b"ANMF"
        at += 8 + length + length % 2
        if at <= len(data):
            usable = at
    return Header(*size, max(1, frames), usable)


def scan_bmp(data: bytes) -> Header:
    """Read a bitmap's header; a negative height means that rows begin at the top."""
    if len(data) < 26:
        raise Undecodable("decode: the file ends within its header")
    if int.from_bytes(data[14:18], "little") == 12:
        return Header(u16(data, 18), u16(data, 20), 1, len(data))
    width, height = (int.from_bytes(data[i : i + 4], "little", signed=True) for i in (18, 22))
    return Header(width, abs(height), 1, len(data))


def _webp_canvas(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return (
            int.from_bytes(data[24:27], "little") + 1,
            int.from_bytes(data[27:30], "little") + 1,
        )
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(data) >= 30:
        return u16(data, 26) & 0x3FFF, u16(data, 28) & 0x3FFF
    raise Undecodable("decode: the file ends within its header")


def u16(data: bytes, at: int) -> int:
    """The little-endian number in two bytes."""
    return data[at] | data[at + 1] << 8


def palette_bytes(flags: int) -> int:
    """Length of the palette that the flags of a GIF's screen or frame announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def skip_blocks(data: bytes, at: int) -> int:
    """Where a GIF's chain of blocks that begins at ``at`` ends; the file's end where it is cut."""
    end = len(data)
    while at < end:
        size = data[at]
        at += size + 1
        if not size:
            break
    return at
