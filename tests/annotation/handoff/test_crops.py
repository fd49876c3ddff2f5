"""Boxes as PaddleOCR wants them, and what they enclose."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from annotation.handoff.crops import corners, cut_out, open_jpeg
from pipeline.engine.errors import StickerworksError

SIZE = (100, 80)
NUMBERS = st.floats(-200, 300) | st.sampled_from([math.nan, math.inf])


def quarters() -> Image.Image:
    """Red, green, blue and white quarters, clockwise from the upper left."""
    pixels = np.zeros((80, 100, 3), np.uint8)
    pixels[:40, :50], pixels[:40, 50:] = (255, 0, 0), (0, 255, 0)
    pixels[40:, 50:], pixels[40:, :50] = (0, 0, 255), (255, 255, 255)
    return Image.fromarray(pixels)


@given(st.lists(NUMBERS, min_size=6, max_size=9))
def test_any_box_becomes_four_corners_clockwise_within_the_picture_or_none(
    box: list[float],
) -> None:
    found = corners(box, SIZE)
    if found is None:
        return
    assert len(box) == 8
    assert all(0 <= x <= 100 and 0 <= y <= 80 for x, y in found)
    assert (
        sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(found, (*found[1:], found[0]), strict=True))
        > 0
    )
    assert min(cut_out(quarters(), found).size) >= 3


@pytest.mark.parametrize(
    "box",
    [
        None,
        [0.0] * 8,
        [0, 0, 50, 50, 50, 0, 0, 50],  # crosses itself
        [200, 200, 250, 200, 250, 220, 200, 220],  # outside
        [0, 0, 50, 0, 50, 1, 0, 1],  # a pixel high
    ],
)
def test_what_encloses_nothing_is_no_box(box: list[float] | None) -> None:
    assert corners(box, SIZE) is None


def test_corners_that_run_the_other_way_round_are_turned() -> None:
    assert corners([0, 0, 0, 40, 50, 40, 50, 0], SIZE) == corners(
        [0, 0, 50, 0, 50, 40, 0, 40], SIZE
    )


def test_a_turned_box_is_cut_out_upright() -> None:
    """A diamond whose upper left side faces red, read from its left corner."""
    found = corners([30, 40, 50, 20, 70, 40, 50, 60], SIZE)
    assert found is not None
    cut = np.asarray(cut_out(quarters(), found))
    assert cut.shape == (28, 28, 3)
    # Red lies along the first side, then green, blue and white, clockwise.
    assert [tuple(cut[y, x] > 128) for y, x in ((3, 14), (14, 24), (24, 14), (14, 3))] == [
        (True, False, False), (False, True, False), (False, False, True), (True, True, True),
    ]  # fmt: skip


def test_a_vertical_line_is_laid_on_its_side_as_paddleocr_does() -> None:
    found = corners([40, 0, 60, 0, 60, 80, 40, 80], SIZE)
    assert found is not None
    cut = cut_out(quarters(), found)
    assert cut.size == (80, 20)
    upright = np.asarray(quarters().crop((40, 0, 60, 80)))
    assert np.array_equal(np.rot90(upright), np.asarray(cut))


def test_bytes_that_are_no_whole_jpeg_are_refused(drawn: Callable[..., bytes]) -> None:
    jpeg = drawn(["x"])
    open_jpeg(jpeg)
    for broken in (b"", b"GIF89a", jpeg[: len(jpeg) // 2], b"\0" * 500):
        with pytest.raises(StickerworksError, match="can't be opened"):
            open_jpeg(broken)
