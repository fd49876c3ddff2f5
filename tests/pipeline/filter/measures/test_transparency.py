"""The share of transparent pixels, on files whose share is known."""

from __future__ import annotations

import pytest
from PIL import Image

from pipeline.engine.decoding.measured import measure
from pipeline.filter.measures.transparency import MEASURE
from schemas.config import DecodeConfig


def half(left: int) -> Image.Image:
    """10 x 10 pixels, of which the ``left`` columns are transparent."""
    picture = Image.new("RGBA", (10, 10), (200, 40, 40, 255))
    picture.paste((255, 255, 255, 0), (0, 0, left, 10))
    return picture


def share(data: bytes, kind: str) -> float:
    (row,) = measure(
        data, kind, DecodeConfig(), lambda frames: [{"value": MEASURE.measure(frames)}]
    ).more
    return row["value"]


@pytest.mark.parametrize(("left", "expected"), [(0, 0.0), (3, 0.3), (10, 1.0)])
def test_stills(encode, left, expected):
    assert share(encode(half(left), "png"), "png") == pytest.approx(expected)


def test_an_animation_is_the_mean_of_its_frames(encode):
    frames = [half(2), half(6), half(4)]
    data = encode(frames, "webp", duration=80)
    assert share(data, "webp") == pytest.approx(0.4)


def test_a_format_without_alpha_has_none(encode, disc):
    assert share(encode(disc(), "jpeg"), "jpeg") == 0
