"""Statistics of pictures: sound on any picture, and telling photographs from drawings."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from annotation.machine.features import FEATURES, SIDE, picture_statistics, sticker_statistics

Draw = Callable[[int], Image.Image]
Jpeg = Callable[[Image.Image], bytes]


@pytest.fixture
def named(jpeg: Jpeg) -> Callable[[Image.Image], dict[str, float]]:
    def measure(picture: Image.Image) -> dict[str, float]:
        values = sticker_statistics([jpeg(picture)])
        return dict(zip(FEATURES, values.tolist(), strict=True))

    return measure


def test_names_are_distinct() -> None:
    assert len(set(FEATURES)) == len(FEATURES) == 30


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1), st.booleans())
def test_any_picture_gives_finite_numbers(height: int, width: int, seed: int, flat: bool) -> None:
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if flat:
        picture[:] = picture[0, 0]
    values = picture_statistics(picture)
    assert values.shape == (len(FEATURES),)
    assert np.isfinite(values).all()


def test_photographs_and_drawings_differ_as_they_should(
    named: Callable[[Image.Image], dict[str, float]], photograph: Draw, drawing: Draw
) -> None:
    photo, drawn = named(photograph(1)), named(drawing(1))
    for statistic in ("palette_entropy", "colours_log2", "textured_tiles", "soft_steps"):
        assert photo[statistic] > drawn[statistic]
    for statistic in ("flat_tiles", "flat_steps", "hardness", "white", "plain_border"):
        assert photo[statistic] < drawn[statistic]


def test_statistics_hardly_depend_on_the_size(
    named: Callable[[Image.Image], dict[str, float]], photograph: Draw
) -> None:
    large = photograph(2).resize((2 * SIDE, 2 * SIDE), Image.Resampling.BICUBIC)
    small = named(large.resize((SIDE, SIDE), Image.Resampling.BOX))
    for statistic, value in named(large).items():
        assert value == pytest.approx(small[statistic], abs=0.3), statistic


def test_frames_are_averaged(photograph: Draw, drawing: Draw, jpeg: Jpeg) -> None:
    one, other = jpeg(photograph(1)), jpeg(drawing(1))
    both = sticker_statistics([one, other])
    apart = (sticker_statistics([one]) + sticker_statistics([other])) / 2
    assert both == pytest.approx(apart)


def test_a_frame_must_be_a_jpeg(drawing: Draw) -> None:
    target = io.BytesIO()
    drawing(1).save(target, "PNG")
    with pytest.raises(OSError, match="identify"):
        sticker_statistics([target.getvalue()])
    with pytest.raises(ValueError, match="no key frames"):
        sticker_statistics([])
