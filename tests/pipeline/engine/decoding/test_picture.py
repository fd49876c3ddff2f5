"""Measurements on one picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from pipeline.engine.decoding.picture import grey_levels, jpeg, perceptual_hash


def bits(picture: Image.Image) -> int:
    return int.from_bytes(perceptual_hash(grey_levels(picture.convert("L"))), "big")


def test_the_hash_is_the_median_of_low_cosine_frequencies(face):
    levels = grey_levels(face().convert("L"))
    low = dctn(np.frombuffer(levels, np.uint8).reshape(64, 64).astype(float))[:8, :8]
    expected = np.packbits(low > np.median(low)).tobytes()
    assert perceptual_hash(levels) == expected


def test_scaling_and_compression_hardly_change_the_hash(face, encode):
    whole = bits(face(256))
    assert (whole ^ bits(face(120))).bit_count() <= 4
    again = Image.open(io.BytesIO(encode(face(256), "jpeg", quality=30)))
    assert (whole ^ bits(again)).bit_count() <= 4


def test_mirrors_are_not_found(face):
    """A limit of the method, written down in docs/duplicates.md."""
    mirrored = face(tilt=20).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert (bits(face(tilt=20)) ^ bits(mirrored)).bit_count() > 4


def test_flat_pictures_have_one_hash():
    hashes = {bits(Image.new("L", (50, 50), level)) for level in (1, 100, 255)}
    assert len(hashes) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (64, 64), (333, 201), (4000, 3)])
def test_grey_levels_of_any_size(size):
    ramp = Image.linear_gradient("L").resize(size)
    levels = np.frombuffer(grey_levels(ramp), np.uint8)
    assert levels.shape == (4096,)
    assert abs(levels.mean() - np.asarray(ramp).mean()) < 3


@pytest.mark.parametrize(
    ("size", "expected"),
    [((512, 100), (512, 100)), ((1024, 100), (512, 50)), ((3, 5120), (1, 512)), ((9, 9), (9, 9))],
)
def test_jpeg_side(size, expected):
    data, width, height = jpeg(Image.new("RGB", size, "teal"), 512)
    assert (width, height) == expected == Image.open(io.BytesIO(data)).size
