"""Headers: sizes and frames as declared, and caps before anything is decoded."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.decoding.header import (
    Header,
    Undecodable,
    check_caps,
    scan_gif,
    scan_jpeg,
    scan_png,
    scan_webp,
)
from schemas.config import DecodeConfig

SCANS = {
    "gif": scan_gif,
    "png": scan_png,
    "apng": scan_png,
    "jpeg": scan_jpeg,
    "webp": scan_webp,
}
MAGIC = {"gif": b"GIF89a", "png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8", "webp": b"RIFF"}


@pytest.mark.parametrize("kind", ["gif", "png", "jpeg", "webp"])
@pytest.mark.parametrize("size", [(1, 1), (64, 48), (300, 7)])
def test_size_of_a_still(encode, disc, kind, size):
    header = SCANS[kind](encode(disc(size), kind))
    assert (header.width, header.height, header.frames) == (*size, 1)


@pytest.mark.parametrize("kind", ["gif", "apng", "webp"])
def test_frames_of_an_animation(encode, disc, kind):
    frames = [disc(at=i / 5) for i in range(5)]
    assert SCANS[kind](encode(frames, kind, duration=100)).frames == 5


def test_lossy_webp(encode, disc):
    data = encode(disc((50, 40)), "webp", lossless=False)
    assert data[12:16] == b"VP8 "
    header = scan_webp(data)
    assert (header.width, header.height) == (50, 40)


def test_a_gif_frame_beyond_the_canvas_counts_as_canvas():
    frame = b"," + struct.pack("<4H", 60_000, 10, 5_000, 20) + b"\0\2\0"
    data = b"GIF89a" + struct.pack("<2H", 4, 4) + b"\0\0\0" + frame + b";"
    assert scan_gif(data) == Header(65_000, 30, 1, len(data))


def test_35_bytes_of_gif_that_declare_9000_x_9000():
    frame = b"," + struct.pack("<4H", 0, 0, 9000, 9000) + b"\0\2\2\x4c\1\0"
    data = b"GIF89a" + struct.pack("<2H", 9000, 9000) + b"\0\0\0" + frame + b";"
    with pytest.raises(Undecodable, match=r"too_large: it declares 81,000,000 pixels .*40,000,000"):
        check_caps(scan_gif(data), DecodeConfig())


def test_a_png_that_declares_two_billion_frames():
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    data = MAGIC["png"] + chunk(b"IHDR", struct.pack(">2I5B", 1, 1, 8, 0, 0, 0, 0))
    data += chunk(b"acTL", struct.pack(">2I", 1 << 31, 0)) + chunk(b"IDAT", b"")
    with pytest.raises(Undecodable, match=r"too_large: it declares 2,147,483,648 frames; .* 512 "):
        check_caps(scan_png(data), DecodeConfig())


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (Header(101, 100, 1, 0), "max_pixels"),
        (Header(10, 10, 11, 0), "max_frames"),
        (Header(100, 100, 3, 0), "max_total_pixels"),
    ],
)
def test_each_cap_is_named(header, key):
    caps = DecodeConfig(max_pixels=10_000, max_frames=10, max_total_pixels=20_000)
    with pytest.raises(Undecodable, match=rf"^too_large: .*filter\.decode\.{key}"):
        check_caps(header, caps)


def test_just_at_the_caps():
    caps = DecodeConfig(max_pixels=10_000, max_frames=2, max_total_pixels=20_000)
    check_caps(Header(100, 100, 2, 0), caps)


def test_no_canvas():
    with pytest.raises(Undecodable, match="0 x 5 pixels"):
        check_caps(Header(0, 5, 1, 0), DecodeConfig())


@given(kind=st.sampled_from(sorted(MAGIC)), tail=st.binary(max_size=200))
def test_any_bytes_give_a_header_or_say_why_not(kind, tail):
    try:
        header = SCANS[kind](MAGIC[kind] + tail)
    except Undecodable:
        return
    assert header.width >= 0
    assert header.frames >= 0
