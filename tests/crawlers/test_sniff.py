from __future__ import annotations

import gzip
import io
import json
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crawlers.sniff import FORMATS, sniff


def _drawn(kind: str, frames: int = 1, **options: object) -> bytes:
    images = [Image.new("RGB", (8, 8), (40 * number, 9, 9)) for number in range(frames)]
    out = io.BytesIO()
    extra = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(out, kind, **extra, **options)
    return out.getvalue()


def _lottie() -> bytes:
    return gzip.compress(json.dumps({"tgs": 1, "v": "5.5.2", "layers": []}).encode())


REAL: dict[str, Callable[[], bytes]] = {
    "gif": lambda: _drawn("GIF", 3),
    "png": lambda: _drawn("PNG"),
    "apng": lambda: _drawn("PNG", 3),
    "jpeg": lambda: _drawn("JPEG"),
    "webp": lambda: _drawn("WEBP", 3),
    "avif": lambda: _drawn("AVIF"),
    "bmp": lambda: _drawn("BMP"),
    "tiff": lambda: _drawn("TIFF"),
    "tgs": _lottie,
    "webm": lambda: b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm" + bytes(40),
    "mp4": lambda: b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(40),
}


@pytest.mark.parametrize("name", REAL)
def test_each_format_is_known_by_its_bytes(name: str) -> None:
    assert sniff(REAL[name]()) == name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!doctype html><html><body>404</body></html>",
        b"\n\n<html>",
        b'{"antiFlag":1,"message":"Forbid spider access"}',
        b"BMW is a car maker, and this is a text of some length",
        b"GIF",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        gzip.compress(b"just a text", mtime=0),
        gzip.compress(b'{"some": "json"}', mtime=0),
        b"\x1a\x45\xdf\xa3\x93B\x82\x88matroska" + bytes(40),
    ],
)
def test_what_is_no_media_is_not_taken_for_it(data: bytes) -> None:
    assert sniff(data) is None


def _png(*kinds: bytes) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for kind in (b"IHDR", *kinds):
        body = bytes(8)
        checksum = zlib.crc32(kind + body)
        out += struct.pack(">I", 8) + kind + body + struct.pack(">I", checksum)
    return out


def test_actl_counts_only_before_the_first_idat() -> None:
    assert sniff(_png(b"acTL", b"IDAT")) == "apng"
    assert sniff(_png(b"tEXt", b"acTL", b"IDAT")) == "apng"
    assert sniff(_png(b"IDAT", b"acTL")) == "png"


def test_actl_inside_another_chunk_does_not_count() -> None:
    text = b"x" * 4 + b"acTL"
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + bytes(4)
    png = _png()
    assert sniff(png + chunk + _png(b"IDAT")[33:]) == "png"


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"{" + b" " * 50_000_000, mtime=0)
    assert sniff(bomb) is None


@settings(max_examples=150)
@given(st.binary(max_size=300), st.sampled_from(sorted(REAL)))
def test_any_bytes_get_one_of_the_known_answers(noise: bytes, name: str) -> None:
    assert sniff(noise) in (None, *FORMATS)
    prefix = REAL[name]()[: len(noise)]
    assert sniff(prefix + noise) in (None, *FORMATS)


@settings(max_examples=60)
@given(st.sampled_from(sorted(REAL)), st.binary(max_size=100))
def test_what_follows_the_bytes_changes_nothing(name: str, tail: bytes) -> None:
    assert sniff(REAL[name]() + tail) == name
