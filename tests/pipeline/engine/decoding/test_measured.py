"""One pass over files drawn here: what is measured, what is refused, what is salvaged."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from pipeline.engine.decoding import one_pass
from pipeline.engine.decoding.measured import measure
from schemas.config import DecodeConfig

CAPS = DecodeConfig()
KINDS = ["gif", "apng", "webp"]


def signals(data, kind, caps=CAPS):
    measured = measure(data, kind, caps)
    assert "error" not in measured.signals, measured.signals
    assert measured.key_frames
    return measured.signals


def shown(measured):
    return [Image.open(io.BytesIO(frame["jpeg"])) for frame in measured.key_frames]


class TestStills:
    @pytest.mark.parametrize("kind", ["gif", "png", "jpeg", "webp"])
    def test_measurements(self, encode, disc, kind):
        got = signals(encode(disc((96, 48)), kind), kind)
        expected = {
            "width": 96,
            "height": 48,
            "min_side": 48,
            "aspect": 2.0,
            "frames": 1,
            "declared_frames": 1,
            "duration_ms": 0,
            "animated": False,
            "transparent": False,
            "flags": [],
        }
        assert {name: got[name] for name in expected} == expected
        assert 0.3 < got["entropy"] < 3
        assert len(got["phash"]) == 8
        assert len(got["grey64"]) == 4096
        assert re.fullmatch("[0-9a-f]{64}", got["pixel_sha256"])

    def test_aspect_is_at_least_one(self, encode, disc):
        assert signals(encode(disc((30, 90)), "png"), "png")["aspect"] == 3.0

    def test_blank(self, encode):
        assert signals(encode(Image.new("RGB", (40, 40), "white"), "png"), "png")["entropy"] == 0

    def test_entropy_is_that_of_the_histogram(self, encode):
        halves = Image.new("L", (40, 40), 255)
        halves.paste(0, (0, 0, 40, 10))
        got = signals(encode(halves, "png"), "png")["entropy"]
        assert got == pytest.approx(-(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75)))

    def test_black_lines_on_transparent_ground_are_no_black_square(self, encode, disc):
        art = disc(colour="black", ground=(0, 0, 0, 0), mode="RGBA")
        got = signals(encode(art, "png"), "png")
        assert got["transparent"]
        assert got["flags"] == []
        on_white = signals(encode(disc(colour="black"), "png"), "png")
        assert (got["entropy"], got["phash"]) == (on_white["entropy"], on_white["phash"])

    def test_white_art_on_transparent_ground_is_seen_on_a_dark_one(self, encode, disc):
        art = disc(colour="white", ground=(255, 255, 255, 0), mode="RGBA")
        measured = measure(encode(art, "png"), "png", CAPS)
        assert measured.signals["flags"] == ["dark_background"]
        assert measured.signals["entropy"] > 0.3
        low, high = shown(measured)[0].convert("L").getextrema()
        assert low < 60
        assert high > 240

    def test_nothing_at_all_stays_on_white(self, encode):
        got = signals(encode(Image.new("RGBA", (40, 40), (9, 9, 9, 0)), "png"), "png")
        assert (got["entropy"], got["flags"]) == (0, [])

    def test_sixteen_bit_grey_is_scaled_not_clipped(self, encode):
        ramp = Image.fromarray(np.linspace(0, 65535, 4096).astype(np.uint16).reshape(64, 64))
        assert signals(encode(ramp, "png"), "png")["entropy"] > 7.9

    def test_a_photo_is_turned_upright(self, encode, disc):
        exif = Image.Exif()
        exif[0x0112] = 6
        got = signals(encode(disc((64, 32)), "jpeg", exif=exif), "jpeg")
        assert (got["width"], got["height"]) == (32, 64)

    def test_a_broken_exif_block_costs_only_the_rotation(self, encode, disc):
        data = encode(disc((64, 32)), "jpeg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
        assert signals(data, "jpeg")["width"] == 64

    def test_wide(self, encode, disc):
        measured = measure(encode(disc((2000, 10)), "png"), "png", CAPS)
        assert measured.signals["aspect"] == 200
        assert shown(measured)[0].size == (512, 3)

    def test_a_picture_too_large_for_one_block_of_pillow(self, encode, disc):
        got = signals(encode(disc((3000, 2000)), "png"), "png")
        assert (got["width"], got["height"]) == (3000, 2000)


class TestAnimations:
    @pytest.mark.parametrize("kind", KINDS)
    def test_measurements(self, encode, disc, kind):
        frames = [disc(at=i / 4) for i in range(5)]
        measured = measure(encode(frames, kind, duration=[100, 40, 700, 40, 60]), kind, CAPS)
        got = measured.signals
        assert got["animated"]
        assert (got["frames"], got["declared_frames"], got["duration_ms"]) == (5, 5, 940)
        keys = measured.key_frames
        assert len(keys) == 3
        assert all(one["index"] < other["index"] for one, other in pairwise(keys))
        assert 2 in [key["index"] for key in keys], "the frame that is held longest"
        held = next(key for key in keys if key["index"] == 2)
        assert (held["start_ms"], held["duration_ms"]) == (140, 700)

    @pytest.mark.parametrize("kind", KINDS)
    def test_frames_are_composed(self, encode, disc, kind):
        """Encoders store what changes only; every key frame must be whole nevertheless."""
        frames = [disc(at=at, ground="navy") for at in (0.2, 0.5, 0.8)]
        data = encode(frames, kind, duration=100)
        for key, picture in zip([0, 1, 2], shown(measure(data, kind, CAPS)), strict=True):
            gap = np.abs(np.asarray(picture, int) - np.asarray(frames[key], int)).mean()
            assert gap < 6

    @pytest.mark.parametrize("kind", KINDS)
    def test_durations_of_zero_last_100_ms(self, encode, disc, kind):
        frames = [disc(at=i / 3) for i in range(4)]
        got = signals(encode(frames, kind, duration=[0, 10, 200, 0]), kind)
        assert got["duration_ms"] == 500
        assert got["flags"] == ["clamped_durations"]

    def test_a_loop_of_centuries_fits_32_bits(self, encode, disc):
        frames = [Image.new("L", (1, 1), i % 256) for i in range(600)]
        data = encode(frames, "apng", duration=60_000_000)
        measured = measure(data, "apng", DecodeConfig(max_frames=600))
        assert measured.signals["duration_ms"] == 2**31 - 1
        assert max(frame["start_ms"] for frame in measured.key_frames) < 2**31

    def test_a_gif_of_one_frame_is_a_still(self, encode, disc):
        got = signals(encode(disc(), "gif", duration=0), "gif")
        assert (got["animated"], got["duration_ms"], got["flags"]) == (False, 0, [])

    def test_the_default_image_of_an_apng_is_no_frame(self, encode, disc):
        frames = [disc(colour="black"), disc(at=0.2), disc(at=0.8)]
        data = encode(frames, "apng", duration=100, default_image=True)
        got = signals(data, "apng")
        assert got["frames"] == 2
        assert (
            got["pixel_sha256"]
            == signals(encode(frames[1:], "apng", duration=100), "apng")["pixel_sha256"]
        )

    def test_key_frames_are_the_same_when_frames_are_too_large_to_keep(
        self, encode, disc, monkeypatch
    ):
        data = encode([disc(at=i / 9) for i in range(10)], "gif", duration=50)
        kept = measure(data, "gif", CAPS)
        monkeypatch.setattr(one_pass, "_KEEP_BYTES", 0)
        assert measure(data, "gif", CAPS) == kept

    def test_an_earlier_file_leaves_no_trace(self, encode, disc):
        """Frames lie in memory that is used again for the next file."""
        large = encode([disc((80, 80), at=i / 9) for i in range(10)], "gif", duration=50)
        small = encode([disc((40, 40), at=i / 3) for i in range(4)], "webp", duration=50)
        first = measure(small, "webp", CAPS)
        measure(large, "gif", CAPS)
        assert measure(small, "webp", CAPS) == first

    def test_white_art_that_moves(self, encode, disc):
        clear = (255, 255, 255, 0)
        frames = [disc(at=at, colour="white", ground=clear, mode="RGBA") for at in (0.2, 0.8)]
        measured = measure(encode(frames, "webp", duration=100), "webp", CAPS)
        assert measured.signals["flags"] == ["dark_background"]
        assert len(measured.key_frames) == 2


class TestPixelHash:
    def hash(self, data, kind):
        return signals(data, kind)["pixel_sha256"]

    def test_encodings_without_loss_agree(self, encode, disc):
        hashes = {self.hash(encode(disc(), kind), kind) for kind in ("png", "gif", "webp")}
        assert len(hashes) == 1

    def test_animations_without_loss_agree(self, encode, disc):
        frames = [disc(at=i / 4) for i in range(5)]
        hashes = {self.hash(encode(frames, kind, duration=100), kind) for kind in KINDS}
        assert len(hashes) == 1

    def test_colours_below_full_transparency_do_not_count(self, encode, disc):
        clear, other = (
            encode(disc(ground=(*c, 0), mode="RGBA"), "png") for c in ((0, 0, 0), (9, 200, 9))
        )
        assert clear != other
        assert self.hash(clear, "png") == self.hash(other, "png")

    def test_alpha_counts(self, encode, disc):
        one, other = (disc(ground=(0, 0, 0, a), mode="RGBA") for a in (1, 2))
        assert self.hash(encode(one, "png"), "png") != self.hash(encode(other, "png"), "png")

    def test_one_pixel_of_the_last_frame_counts(self, encode, disc):
        """Whether it is there, where it is, and what colour it has."""
        hashes = []
        for at, colour in (((5, 5), 255), ((62, 46), 1), ((62, 46), 2), ((60, 46), 1)):
            frames = [disc((63, 47), at=i / 4) for i in range(5)]
            frames[-1].putpixel(at, (colour, colour, colour))
            hashes.append(self.hash(encode(frames, "apng", duration=100), "apng"))
        assert len(set(hashes)) == 4

    def test_durations_count(self, encode, disc):
        frames = [disc(at=i / 4) for i in range(5)]
        one, other = (encode(frames, "gif", duration=d) for d in (100, 110))
        assert self.hash(one, "gif") != self.hash(other, "gif")

    def test_size_counts(self, encode):
        one, other = (Image.new("RGB", size, "red") for size in ((20, 30), (30, 20)))
        assert self.hash(encode(one, "png"), "png") != self.hash(encode(other, "png"), "png")
