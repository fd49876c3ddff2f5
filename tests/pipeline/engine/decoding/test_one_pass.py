"""The perceptual hash of a file alone is the one that the filter measures."""

from __future__ import annotations

import pytest

from pipeline.engine.decoding.measured import measure
from pipeline.engine.decoding.one_pass import hash_file
from schemas.config import DecodeConfig

CAPS = DecodeConfig()


@pytest.mark.parametrize(("kind", "count"), [("png", 1), ("jpeg", 1), ("gif", 6), ("webp", 6)])
def test_it_is_as_the_table_signals_has_it(encode, disc, kind, count):
    frames = [disc(at=n / count) for n in range(count)]
    data = encode(frames, kind, **({"duration": [40, 40, 300, 40, 40, 40]} if count > 1 else {}))
    got = hash_file(data, kind, CAPS)
    assert got is not None
    assert got[0] == measure(data, kind, CAPS).signals["phash"]


def test_white_art_is_hashed_on_a_dark_ground(encode, disc):
    data = encode(disc(colour="white", ground=(255, 255, 255, 0), mode="RGBA"), "png")
    got = hash_file(data, "png", CAPS)
    assert got is not None
    assert got[0] == measure(data, "png", CAPS).signals["phash"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"", "gif"), (b"GIF89a", "gif"), (b"<html>", "png"), (b"ftyp", "mp4"), (b"x", None)],
)
def test_what_cannot_be_decoded_has_none(data, kind):
    assert hash_file(data, kind, CAPS) is None


def test_what_is_too_large_is_not_decoded(encode, disc):
    assert hash_file(encode(disc((100, 100)), "png"), "png", DecodeConfig(max_pixels=99)) is None
