"""Damaged files of every format: always a row, never an exception, never huge memory."""

from __future__ import annotations

import io
import resource

import numpy as np
import pytest
from hostile_files import mended
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.engine.decoding.measured import measure
from schemas.config import DecodeConfig

CAPS = DecodeConfig(max_pixels=100_000, max_total_pixels=1_000_000, max_frames=20)


def _files() -> dict[str, list[bytes]]:
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 256, (12, 16, 4), dtype=np.uint8)) for _ in range(3)]
    rows = [
        ("gif", "GIF", True, {"duration": 50, "disposal": 2}),
        ("gif", "GIF", False, {}),
        ("png", "PNG", False, {}),
        ("png", "PNG", False, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}),
        ("apng", "PNG", True, {"duration": 50}),
        ("webp", "WEBP", True, {"duration": 50}),
        ("webp", "WEBP", False, {"lossless": True}),
        ("avif", "AVIF", True, {"duration": 50, "speed": 10}),
        ("avif", "AVIF", False, {"speed": 10}),
        ("bmp", "BMP", False, {}),
        ("jpeg", "JPEG", False, {}),
        ("jpeg", "JPEG", False, {"progressive": True, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\1"}),
    ]
    files: dict[str, list[bytes]] = {}
    for kind, pillow, animated, options in rows:
        first = frames[0].convert("RGB") if kind in ("jpeg", "bmp") else frames[0]
        more = {"save_all": True, "append_images": frames[1:]} if animated else {}
        out = io.BytesIO()
        first.save(out, pillow, **options, **more)
        files.setdefault(kind, []).append(out.getvalue())
    palette = io.BytesIO()
    frames[0].convert("RGB").quantize(16).save(palette, "PNG", transparency=bytes(range(16)))
    files["png"].append(palette.getvalue())
    return files


FILES = _files()


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file with bytes overwritten (most often near its headers), cut out, doubled or cut off."""
    kind = draw(st.sampled_from(sorted(FILES)))
    data = bytearray(draw(st.sampled_from(FILES[kind])))
    for _ in range(draw(st.integers(0, 6))):
        reach = draw(st.sampled_from([len(data), min(64, len(data))]))
        at = draw(st.integers(0, max(0, reach - 1)))
        way = draw(st.sampled_from(["overwrite", "flip", "remove", "double"]))
        size = draw(st.integers(1, 8))
        if way == "overwrite":
            data[at : at + size] = draw(st.binary(min_size=size, max_size=size))
        elif way == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif way == "remove":
            del data[at : at + size]
        else:
            data[at:at] = data[at : at + 5 * size]
    if kind in ("png", "apng") and draw(st.booleans()):
        data = bytearray(mended(bytes(data)))
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))) :]
    return kind, bytes(data)


@pytest.fixture(scope="module")
def memory() -> int:
    """Kilobytes that the process took at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@settings(max_examples=2000, deadline=None)
@given(file=damaged())
def test_always_a_row(memory, file):
    kind, data = file
    measured = measure(data, kind, CAPS)
    if measured.key_frames is None:
        error = measured.signals["error"]
        assert isinstance(error, str)
        assert error.startswith(("decode: ", "too_large: "))
    else:
        row = measured.signals
        assert row["width"] * row["height"] <= CAPS.max_pixels
        assert 1 <= row["frames"] <= row["declared_frames"] <= CAPS.max_frames
        assert 0 <= row["duration_ms"] < 2**31
        assert len(row["phash"]) == 8
        assert 1 <= len(measured.key_frames) <= CAPS.key_frames
    assert measure(data, kind, CAPS) == measured
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < memory + 300_000
