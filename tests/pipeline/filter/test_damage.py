"""Damaged, lying and hostile files: refused in words for people, or salvaged."""

from __future__ import annotations

import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipeline.engine.decoding.measured import measure
from schemas.config import DecodeConfig

CAPS = DecodeConfig()
KINDS = ["gif", "apng", "webp"]


def signals(data, kind):
    measured = measure(data, kind, CAPS)
    assert "error" not in measured.signals, measured.signals
    assert measured.key_frames
    return measured.signals


def error(data, kind):
    measured = measure(data, kind, CAPS)
    assert measured.key_frames is None
    assert set(measured.signals) == {"error"}
    return measured.signals["error"]


class TestDamage:
    def test_a_truncated_still_is_an_error(self, encode, disc):
        for kind in ("png", "jpeg", "webp", "gif"):
            data = encode(noisy(), kind)
            assert error(data[: len(data) // 2], kind).startswith("decode: "), kind

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_truncated_animation_keeps_its_sound_frames(self, encode, kind):
        data = encode([noisy(i) for i in range(6)], kind, duration=100)
        got = signals(data[: int(len(data) * 0.7)], kind)
        assert 3 <= got["frames"] <= 4
        assert got["animated"]
        # A cut GIF or APNG still opens; of a cut WebP, nobody but us decodes the sound part.
        refused = ["refused"] if kind == "webp" else []
        assert got["flags"] == ["truncated", *refused]
        whole = signals(data, kind)
        assert (whole["frames"], whole["flags"]) == (6, [])

    def test_salvaged_frames_are_those_of_the_sound_file(self, encode):
        frames = [noisy(i) for i in range(6)]
        data = encode(frames, "webp", duration=100)
        cut = signals(data[: int(len(data) * 0.7)], "webp")
        sound = encode(frames[: cut["frames"]], "webp", duration=100)
        assert cut["pixel_sha256"] == signals(sound, "webp")["pixel_sha256"]

    def test_messages_are_for_people(self, encode):
        data = encode(noisy(), "png")
        text = error(data[: len(data) // 2], "png")
        assert "\n" not in text
        assert "/" not in text.removeprefix("decode: ")
        assert "0x" not in text

    def test_a_lying_format(self, encode, disc):
        assert error(encode(disc(), "png"), "gif").startswith("decode: ")

    @pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"<html>no</html>"])
    @pytest.mark.parametrize("kind", ["gif", "png", "apng", "jpeg", "webp"])
    def test_next_to_nothing(self, data, kind):
        assert error(data, kind).startswith("decode: ")

    def test_a_gif_without_an_image(self):
        assert error(b"GIF89a\4\0\4\0\0\0\0;", "gif") == "decode: there is no image in the file"

    @pytest.mark.parametrize(
        ("kind", "begins"), [("webm", b"\x1a\x45\xdf\xa3"), ("tgs", b"\x1f\x8b")]
    )
    def test_formats_whose_extra_is_not_installed(self, kind, begins, monkeypatch):
        monkeypatch.setattr("pipeline.engine.decoding.frames.find_spec", lambda name: None)
        told = error(begins, kind)
        assert told.startswith(f"needs {kind}: ")
        assert told.endswith("Run `make formats`")

    @pytest.mark.parametrize("kind", [None, "", "psd", "eps"])
    def test_formats_that_nobody_asked_for(self, kind):
        assert error(b"%!PS-Adobe", kind).startswith("decode: no decoder for the format ")


class TestBombs:
    def png(self, width, height, rows=0):
        def chunk(name, body):
            return (
                struct.pack(">I", len(body))
                + name
                + body
                + struct.pack(">I", zlib.crc32(name + body))
            )

        body = zlib.compress(bytes((width + 8) // 8 * rows + rows), 9)
        header = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"IDAT", body)
            + chunk(b"IEND", b"")
        )

    def test_png_of_30000_x_30000(self):
        data = self.png(30_000, 30_000, rows=30_000)
        assert len(data) < 130_000
        assert error(data, "png") == (
            "too_large: it declares 900,000,000 pixels (30000 x 30000); the cap is 40,000,000 "
            "(filter.decode.max_pixels)"
        )

    def test_png_that_declares_more_than_fits_32_bits(self):
        assert error(self.png(0xFFFFFFFF, 0xFFFFFFFF), "png").startswith("too_large: ")

    def test_gif_of_many_large_frames(self):
        frame = b"," + struct.pack("<4H", 0, 0, 2000, 2000) + b"\0\2\2\x4c\1\0"
        data = b"GIF89a" + struct.pack("<2H", 2000, 2000) + b"\0\0\0" + frame * 400 + b";"
        assert re.match(
            "too_large: it declares 1,600,000,000 pixels in all frames", error(data, "gif")
        )

    def test_gif_whose_second_frame_enlarges_the_canvas(self, encode, disc):
        data = encode([disc((20, 20), at=at) for at in (0.2, 0.8)], "gif", duration=100)
        second = data.index(b",", data.index(b",") + 1)
        while data[second - 1] != 0:
            second = data.index(b",", second + 1)
        data = data[: second + 1] + struct.pack("<4H", 60_000, 60_000, 5, 5) + data[second + 9 :]
        assert error(data, "gif").startswith("too_large: ")

    def test_webp_of_16384_x_16384(self):
        body = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff\x3f\0" * 2
        data = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
        assert error(data, "webp").startswith("too_large: it declares 268,435,456 pixels")

    def test_jpeg_whose_header_declares_65500_x_65500(self, encode, disc):
        data = encode(disc(), "jpeg")
        at = data.index(b"\xff\xc0") + 5
        data = data[:at] + struct.pack(">2H", 65_500, 65_500) + data[at + 4 :]
        assert error(data, "jpeg").startswith("too_large: ")

    def test_pillow_settings_are_left_as_they_were(self, encode, disc, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12_345)
        signals(encode(disc(), "png"), "png")
        error(b"", "png")
        assert Image.MAX_IMAGE_PIXELS == 12_345


def noisy(seed: int = 0) -> Image.Image:
    """A picture that doesn't compress, so that cuts fall within its pixels."""
    levels = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(levels)
    ImageDraw.Draw(picture).rectangle([0, 0, 39, 8], fill=(seed * 40 % 256, 0, 0))
    return picture.quantize(64).convert("RGB")
