"""Some two hundred hostile files, made here: cut, lying, inconsistent, and bombs.

Each is a few kilobytes; none is stored, so that no scanner takes the project for what it tests.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

CUTS = (1, 8, 13, 20, 33, 45, 60, 75, 90, 97)
"""Percent of a file that a cut leaves."""


@dataclass(frozen=True)
class Hostile:
    """A file, and the format that its first bytes (or whoever names it) claim."""

    name: str
    kind: str
    data: bytes


def hostile_files() -> list[Hostile]:
    """All of them; the same ones each time."""
    sound = sound_files()
    return [
        *_cut(sound),
        *_pngs(),
        *_apngs(sound),
        *_gifs(),
        *_jpegs(sound),
        *_webps(sound),
        *_other(),
    ]


def sound_files() -> dict[str, tuple[str, bytes]]:
    """What most of the others are made from: format and bytes by name."""
    rng = np.random.default_rng(7)
    frames = [Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)) for _ in range(5)]
    clear = [frame.convert("RGBA") for frame in frames]
    for frame in clear:
        frame.putalpha(Image.linear_gradient("L").resize(frame.size))
    moving = {"save_all": True, "duration": 50}
    grey16 = Image.fromarray(rng.integers(0, 65536, (24, 24), dtype=np.uint16))
    return {
        "gif": ("gif", _saved(frames[0], "GIF")),
        "moving gif": ("gif", _saved(frames[0], "GIF", append_images=frames[1:], **moving)),
        "png": ("png", _saved(frames[0], "PNG")),
        "palette png": ("png", _saved(frames[0].quantize(16), "PNG", transparency=bytes(16))),
        "16-bit png": ("png", _saved(grey16, "PNG")),
        "apng": ("apng", _saved(clear[0], "PNG", append_images=clear[1:], **moving)),
        "jpeg": ("jpeg", _saved(frames[0], "JPEG")),
        "progressive jpeg": ("jpeg", _saved(frames[0], "JPEG", progressive=True)),
        "cmyk jpeg": ("jpeg", _saved(frames[0].convert("CMYK"), "JPEG")),
        "webp": ("webp", _saved(frames[0], "WEBP")),
        "lossless webp": ("webp", _saved(clear[0], "WEBP", lossless=True, exact=True)),
        "moving webp": ("webp", _saved(clear[0], "WEBP", append_images=clear[1:], **moving)),
    }


def png(*chunks: tuple[bytes, bytes], side: int = 4, depth: int = 8, colour: int = 3) -> bytes:
    """A PNG of these chunks between IHDR and IEND, with right checksums."""
    header = struct.pack(">2I5B", side, side, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", header), *chunks, (b"IEND", b""))
    )


EXIF = {
    "no byte order": b"Exif\0\0XX\0*\0\0\0\x08\0\1",
    "no entries": b"Exif\0\0MM\0*\0\0\0\x08",
    "cut entry": b"Exif\0\0MM\0*\0\0\0\x08\0\5\x01\x12\0\3\0\0\0\1",
    "far directory": b"Exif\0\0MM\0*\xff\xff\xff\xff",
    "directory in a circle": b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\0\0\0\0",
    "odd orientation": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\xff\xff\0\0\0\0\0\0",
    "orientation as text": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\2\0\4\0\0\0abc\0\0\0\0\0",
    "a billion values": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\xff\xff\xff\x7f\x08\0\0\0\0\0\0\0",
    "nothing": b"Exif\0\0",
    "no TIFF": b"Exif\0\0hello",
}
"""EXIF blocks that are broken, by how."""


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _cut(sound: dict[str, tuple[str, bytes]]) -> Iterator[Hostile]:
    for name, (kind, data) in sound.items():
        for percent in CUTS:
            yield Hostile(f"{name} cut at {percent}%", kind, data[: len(data) * percent // 100])


def _pngs() -> Iterator[Hostile]:
    palette = (b"PLTE", bytes(range(12)))
    pixels = (b"IDAT", zlib.compress(bytes(20)))
    bomb = zlib.compress(bytes(80_000_000), 9)
    cases = {
        **{f"{n} bytes of tRNS": (palette, (b"tRNS", bytes(n)), pixels) for n in (0, 5, 257, 768)},
        "tRNS before the palette": ((b"tRNS", bytes(300)), palette, pixels),
        "no palette": (pixels,),
        "a palette of 5 bytes": ((b"PLTE", bytes(5)), pixels),
        "a palette of 9,000 bytes": ((b"PLTE", bytes(9000)), pixels),
        "two palettes": (palette, palette, pixels),
        "no pixels": (palette,),
        "empty pixels": (palette, (b"IDAT", b"")),
        "pixels that are no zlib": (palette, (b"IDAT", b"hello hello hello")),
        "too few pixels": (palette, (b"IDAT", zlib.compress(bytes(7)))),
        "a bomb of pixels": (palette, (b"IDAT", bomb)),
        "a bomb of text": (palette, (b"zTXt", b"k\0\0" + bomb), pixels),
        "a bomb of a profile": (palette, (b"iCCP", b"k\0\0" + bomb), pixels),
        "text without an end": (palette, (b"iTXt", b"k"), pixels),
        "XMP that turns it": (palette, (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _XMP), pixels),
        "a raw profile": (palette, (b"tEXt", b"Raw profile type exif\0\nexif\n4\nzz"), pixels),
        "short pHYs": (palette, (b"pHYs", b"\0"), pixels),
        "short gAMA": (palette, (b"gAMA", b""), pixels),
        "short sRGB": (palette, (b"sRGB", b""), pixels),
        "short cHRM": (palette, (b"cHRM", b"\0\1"), pixels),
        "a second header": (palette, (b"IHDR", bytes(13)), pixels),
        "a short header": (palette, (b"IHDR", b""), pixels),
        "an unknown critical chunk": (palette, (b"EVIL", bytes(9)), pixels),
    }
    for name, chunks in cases.items():
        yield Hostile(f"png with {name}", "png", png(*chunks))
    for name, block in EXIF.items():
        data = png(palette, (b"eXIf", block.removeprefix(b"Exif\0\0")), pixels)
        yield Hostile(f"png whose EXIF has {name}", "png", data)
    for depth, colour in ((0, 0), (3, 0), (16, 3), (8, 1), (8, 5), (255, 255)):
        data = png(palette, pixels, depth=depth, colour=colour)
        yield Hostile(f"png of depth {depth} and colour {colour}", "png", data)
    for side in (0, 6_000, 30_000, 2**31 - 1, 2**32 - 1):
        yield Hostile(f"png of {side} pixels a side", "png", png(palette, pixels, side=side))
    whole = png(palette, pixels)
    yield Hostile("png with wrong checksums", "png", whole.replace(b"PLTE", b"pLTE"))
    yield Hostile("png with an endless chunk", "png", whole.replace(b"\0\0\0\x0cPLTE", b"\xff" * 4))
    yield Hostile("png after its end", "png", whole + whole)


_XMP = b'<x tiff:Orientation="6"/>'


def _apngs(sound: dict[str, tuple[str, bytes]]) -> Iterator[Hostile]:
    kind, whole = sound["apng"]
    at = whole.index(b"acTL")
    for frames in (0, 1, 4, 6, 400, 2**31, 2**32 - 1):
        data = whole[: at + 4] + struct.pack(">I", frames) + whole[at + 8 :]
        yield Hostile(f"apng that declares {frames} frames", kind, mended(data))
    second = whole.index(b"fcTL", whole.index(b"fcTL") + 4) + 4
    for name, place, body in (
        ("a frame out of order", 0, struct.pack(">I", 9)),
        ("a frame without a size", 4, bytes(8)),
        ("a frame beyond the canvas", 4, struct.pack(">4I", 24, 24, 20, 20)),
        ("a frame larger than the canvas", 4, struct.pack(">2I", 9000, 9000)),
        ("a frame that never ends", 20, b"\xff\xff\0\1"),
        ("a frame with no disposal known", 24, b"\x09\x09"),
    ):
        data = whole[: second + place] + body + whole[second + place + len(body) :]
        yield Hostile(f"apng with {name}", kind, mended(data))
    yield Hostile("apng without its frames", kind, mended(whole.replace(b"fdAT", b"fdXX")))
    yield Hostile("apng without a control", kind, mended(whole.replace(b"fcTL", b"fcXX")))


def mended(data: bytes) -> bytes:
    """A PNG with right checksums: without them, hardly any damage gets past the first chunk."""
    out, at = data[:8], 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + size]
        out += data[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + size
    return out


def _gifs() -> Iterator[Hostile]:
    table = bytes(6)

    def gif(*blocks: bytes, side: int = 4, flags: int = 0x80) -> bytes:
        colours = table if flags & 0x80 else b""
        head = b"GIF89a" + struct.pack("<2H", side, side) + bytes([flags, 0, 0]) + colours
        return head + b"".join(blocks) + b";"

    def picture(
        box: tuple[int, int, int, int] = (0, 0, 4, 4), flags: int = 0, bits: int = 2
    ) -> bytes:
        return b"," + struct.pack("<4H", *box) + bytes([flags, bits]) + b"\2\x4c\1\0"

    cases = {
        "no palette": gif(picture(), flags=0),
        "no canvas": gif(picture(), side=0),
        "an empty frame": gif(picture((0, 0, 0, 0))),
        "a large canvas": gif(picture(), side=65_535),
        "a large frame": gif(picture((0, 0, 65_535, 65_535))),
        "a frame far out": gif(picture(), picture((65_000, 65_000, 4, 4))),
        "a frame that reaches out": gif(picture(), picture((2, 2, 40, 40))),
        "a thousand frames": gif(*[picture()] * 1000),
        "large frames": gif(*[picture((0, 0, 2000, 2000))] * 400, side=2000),
        "an interlaced frame": gif(picture(flags=0x40)),
        "a palette cut off": gif(picture(flags=0x87)),
        "pixels cut off": gif(b"," + struct.pack("<4H", 0, 0, 4, 4) + b"\0\2\xffab"),
        "no pixels": gif(b"," + struct.pack("<4H", 0, 0, 4, 4) + b"\0\2\0"),
        "a short control": gif(b"!\xf9\1\0\0", picture()),
        "a long control": gif(b"!\xf9\xff" + bytes(255) + b"\0", picture()),
        "an unknown disposal": gif(b"!\xf9\4\x1c\0\0\0\0", picture(), picture()),
        "transparency out of reach": gif(b"!\xf9\4\1\0\0\xff\0", picture(), picture()),
        "a broken loop": gif(b"!\xff\x0bNETSCAPE2.0\0", picture()),
        "a comment without an end": gif(b"!\xfe\xff" + bytes(99)),
        "many comments": gif(b"!\xfe\1a\0" * 3000, picture()),
        "junk between blocks": gif(b"junk" * 9, picture(), b"junk" * 9, picture()),
        "two ends": gif(b";", picture()),
    }
    for name, data in cases.items():
        yield Hostile(f"gif with {name}", "gif", data)
    for bits in (0, 1, 9, 12, 13, 255):
        yield Hostile(f"gif with codes of {bits} bits", "gif", gif(picture(bits=bits)))


def _jpegs(sound: dict[str, tuple[str, bytes]]) -> Iterator[Hostile]:
    kind, whole = sound["jpeg"]
    frame = whole.index(b"\xff\xc0")
    for name, block in EXIF.items():
        segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
        yield Hostile(f"jpeg whose EXIF has {name}", kind, whole[:2] + segment + whole[2:])
    for width, height in ((0, 24), (24, 0), (65_500, 65_500), (4_000, 3_000)):
        size = struct.pack(">2H", height, width)
        data = whole[: frame + 5] + size + whole[frame + 9 :]
        yield Hostile(f"jpeg of {width} x {height}", kind, data)
    for name, marker in (("tables", b"\xff\xdb"), ("codes", b"\xff\xc4"), ("a scan", b"\xff\xda")):
        yield Hostile(f"jpeg without {name}", kind, whole.replace(marker, b"\xff\xfe"))
    for name, at, byte in (
        ("12 bits", 4, 12),
        ("no components", 9, 0),
        ("5 components", 9, 5),
        ("odd sampling", 11, 0xFF),
        ("no sampling", 11, 0),
    ):
        data = whole[: frame + at] + bytes([byte]) + whole[frame + at + 1 :]
        yield Hostile(f"jpeg with {name}", kind, data)
    for name, segment in (
        ("an empty comment", b"\xff\xfe\0\2"),
        ("a comment shorter than nothing", b"\xff\xfe\0\0"),
        ("a depth map that isn't there", b"\xff\xe2\0\x0eMPF\0II*\0\x08\0\0\0"),
        ("a broken profile", b"\xff\xe2\0\x12ICC_PROFILE\0\2\1ab"),
        ("a short JFIF", b"\xff\xe0\0\x07JFIF\0"),
        ("a short Adobe", b"\xff\xee\0\x07Adobe"),
        ("a broken Photoshop block", b"\xff\xed\0\x1aPhotoshop 3.0\x008BIM\3\xed\0\0ab"),
        ("a second size", b"\xff\xc0\0\x0b\x08\x23\x28\x23\x28\1\1\x11\0"),
    ):
        yield Hostile(f"jpeg with {name}", kind, whole[:2] + segment + whole[2:])


def _webps(sound: dict[str, tuple[str, bytes]]) -> Iterator[Hostile]:
    kind, moving = sound["moving webp"]
    _, still = sound["webp"]
    for size in (0, 4, 100, len(moving), 2**31, 2**32 - 2):
        data = moving[:4] + struct.pack("<I", size) + moving[8:]
        yield Hostile(f"webp that declares {size} bytes", kind, data)
    first = moving.index(b"ANMF")
    second = moving.index(b"ANMF", first + 4)
    yield Hostile("webp cut between frames", kind, moving[:second])
    yield Hostile("webp with junk behind", kind, moving + b"junk" * 50)
    yield Hostile("webp with zeros behind", kind, moving + bytes(64))
    yield Hostile("webp within a webp", kind, moving[:second] + moving + moving[second:])
    for name, old in (("canvas", b"VP8X"), ("animation", b"ANIM"), ("frames", b"ANMF")):
        yield Hostile(f"webp without its {name}", kind, moving.replace(old, b"JUNK"))
    for length in (0, 15, 17, 2**31, 2**32 - 1):
        data = moving[: first + 4] + struct.pack("<I", length) + moving[first + 8 :]
        yield Hostile(f"webp with a frame of {length} bytes", kind, data)
    for name, at, body in (
        ("a frame beyond the canvas", 8, b"\xff\xff\xff" * 2),
        ("a frame larger than the canvas", 14, b"\xff\x0f\0" * 2),
    ):
        data = moving[: first + at] + body + moving[first + at + len(body) :]
        yield Hostile(f"webp with {name}", kind, data)
    at = moving.index(b"VP8X") + 12
    for name, body in (("16,384 pixels a side", b"\xff\x3f\0" * 2), ("one pixel", bytes(6))):
        yield Hostile(f"webp of {name}", kind, moving[:at] + body + moving[at + 6 :])
    yield Hostile("webp of no size", kind, still[:26] + bytes(4) + still[30:])
    picture = Image.new("RGB", (24, 24), "teal")
    for name, block in EXIF.items():
        data = _saved(picture, "WEBP", exif=block)
        yield Hostile(f"webp whose EXIF has {name}", kind, data)
    cut = _saved(picture, "WEBP", exif=EXIF["odd orientation"] + bytes(60))
    yield Hostile("webp cut within its EXIF", kind, cut[:-20])


def _other() -> Iterator[Hostile]:
    page = b"<!doctype html><script>alert(1)</script>"
    for kind, magic in (
        ("gif", b"GIF89a"),
        ("png", b"\x89PNG\r\n\x1a\n"),
        ("jpeg", b"\xff\xd8\xff"),
        ("webp", b"RIFF\x28\0\0\0WEBP"),
    ):
        yield Hostile(f"nothing, said to be {kind}", kind, b"")
        yield Hostile(f"a page, said to be {kind}", kind, page)
        yield Hostile(f"a page that begins like {kind}", kind, magic + page)
        yield Hostile(f"zeros that begin like {kind}", kind, magic + bytes(500))
    for kind in ("webm", "mp4", "tgs", "bmp", "tiff", "avif", "svg", "psd", "eps", None):
        yield Hostile(f"a page, said to be {kind}", kind or "", page)
