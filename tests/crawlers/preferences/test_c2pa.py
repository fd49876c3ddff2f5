from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crawlers.preferences.c2pa import has_c2pa
from crawlers.sniff import FORMATS

STORE_TYPE = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
BMFF_TYPE = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def store(kind: bytes = STORE_TYPE) -> bytes:
    """A JUMBF box that describes itself as a manifest store."""
    return box(b"jumb", box(b"jumd", kind + b"\x03c2pa\0") + box(b"cbor", b"\xa0"))


def picture(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    if kind in ("GIF", "PNG", "WEBP"):
        options |= {"save_all": True, "append_images": frames[1:]}
    frames[0].save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def jpeg(content: bytes) -> bytes:
    plain = picture("JPEG")
    packet = b"JP\0\1\0\0\0\1" + content
    return plain[:2] + b"\xff\xeb" + struct.pack(">H", 2 + len(packet)) + packet + plain[2:]


def png(kind: bytes, **options: object) -> bytes:
    plain = picture("PNG", **options)
    head = 8 + 25
    return plain[:head] + struct.pack(">I4s", 3, kind) + b"abc\0\0\0\0" + plain[head:]


def gif(name: bytes) -> bytes:
    plain = picture("GIF")
    head = 13 + (3 << (plain[10] & 7) + 1 if plain[10] & 0x80 else 0)
    comment = b"\x21\xfe\x03abc\0"
    extension = b"\x21\xff\x0b" + name + b"\x05store\x03abc\0"
    return plain[:head] + comment + extension + plain[head:]


def webp(kind: bytes) -> bytes:
    plain = picture("WEBP") + kind + struct.pack("<I", 3) + b"abc\0"
    return b"RIFF" + struct.pack("<I", len(plain) - 8) + plain[8:]


def bmff(brand: bytes, kind: bytes) -> bytes:
    purpose = b"\0\0\0\0manifest\0" + bytes(8) + store()
    return box(b"ftyp", brand + bytes(4)) + box(b"uuid", kind + purpose) + box(b"mdat", b"x" * 20)


def jxl(inner: bytes) -> bytes:
    head = b"\x00\x00\x00\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    return head + inner + box(b"jxlc", b"\xff\x0a" + bytes(9))


def tiff(tag: int, order: str) -> bytes:
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    entries = [struct.pack(f"{order}HHII", number, 7, 4, 0) for number in (256, tag)]
    directory = struct.pack(f"{order}H", 2) + b"".join(entries)
    first = struct.pack(f"{order}H", 1) + entries[0] + struct.pack(f"{order}I", 8 + 18)
    return mark + struct.pack(f"{order}I", 8) + first + directory + bytes(4)


WITH: dict[str, tuple[str, bytes]] = {
    "jpeg": ("jpeg", jpeg(store())),
    "png": ("png", png(b"caBX")),
    "apng": ("apng", png(b"caBX", duration=90)),
    "gif": ("gif", gif(b"C2PA_GIF\1\0\0")),
    "webp": ("webp", webp(b"C2PA")),
    "avif": ("avif", bmff(b"avif", BMFF_TYPE)),
    "heic": ("heic", bmff(b"heic", BMFF_TYPE)),
    "mp4": ("mp4", bmff(b"isom", BMFF_TYPE)),
    "jxl": ("jxl", jxl(store())),
    "tiff, little": ("tiff", tiff(0xCD41, "<")),
    "tiff, big": ("tiff", tiff(0xCD41, ">")),
}
WITHOUT: dict[str, tuple[str, bytes]] = {
    "jpeg": ("jpeg", picture("JPEG")),
    "other JUMBF in a jpeg": ("jpeg", jpeg(store(b"json" + STORE_TYPE[4:]))),
    "other APP11": ("jpeg", jpeg(b"\0" * 40)),
    "png": ("png", png(b"caBy")),
    "gif": ("gif", gif(b"NETSCAPE2.0")),
    "gif with a comment": ("gif", picture("GIF", comment=b"C2PA_GIF")),
    "webp": ("webp", webp(b"XMP ")),
    "avif": ("avif", bmff(b"avif", BMFF_TYPE[::-1])),
    "jxl": ("jxl", jxl(b"")),
    "other JUMBF in a jxl": ("jxl", jxl(store(b"json" + STORE_TYPE[4:]))),
    "bare jxl": ("jxl", b"\xff\x0a" + store()),
    "tiff": ("tiff", tiff(700, "<")),
}


@pytest.mark.parametrize("name", WITH)
def test_a_manifest_is_noticed_where_its_format_puts_it(name: str) -> None:
    assert has_c2pa(WITH[name][1], WITH[name][0])


@pytest.mark.parametrize("name", WITHOUT)
def test_other_bytes_have_none(name: str) -> None:
    assert not has_c2pa(WITHOUT[name][1], WITHOUT[name][0])


@given(st.sampled_from(FORMATS), st.binary(max_size=300))
def test_junk_is_no_error(name: str, junk: bytes) -> None:
    assert has_c2pa(junk, name) in (True, False)


@given(st.sampled_from(sorted(WITH)), st.data())
def test_broken_files_are_no_error(name: str, data: st.DataObject) -> None:
    kind, good = WITH[name]
    place = data.draw(st.integers(0, len(good) - 1))
    instead = data.draw(st.binary(max_size=8))
    assert has_c2pa(good[:place] + instead + good[place + len(instead) :], kind) in (True, False)
    assert has_c2pa(good[:place], kind) in (True, False)


BOMBS: dict[str, Callable[[int], bytes]] = {
    "jpeg": lambda n: b"\xff\xd8" + b"\xff\xe0\0\2" * (n // 4),
    "png": lambda n: b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0abCD\0\0\0\0" * (n // 12),
    "gif": lambda n: b"GIF89a" + bytes(7) + b"\x21\xfe\1a\0" * (n // 5),
    "webp": lambda n: b"RIFF\0\0\0\0WEBP" + b"abcd\0\0\0\0" * (n // 8),
    "mp4": lambda n: box(b"ftyp", b"isom") + box(b"free", b"") * (n // 8),
    "tiff": lambda n: b"II*\0\x08\0\0\0" + b"\xff" * n,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_of_nothing_but_parts_ends_soon(name: str) -> None:
    bomb = BOMBS[name](4_000_000)
    start = time.process_time()
    assert not has_c2pa(bomb, name)
    assert time.process_time() - start < 2
