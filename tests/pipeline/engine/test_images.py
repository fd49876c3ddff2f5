"""Pillow is quiet while it reads, refuses what is too large, and is itself again afterwards."""

from __future__ import annotations

import io
import warnings

import pytest
from hostile_files import EXIF
from PIL import Image

from pipeline.engine.images import reading_images


@pytest.fixture
def corrupt() -> io.BytesIO:
    """A JPEG about whose EXIF block Pillow has something to say."""
    target = io.BytesIO()
    Image.new("RGB", (8, 8)).save(target, "JPEG", exif=EXIF["cut entry"])
    return target


def look(file: io.BytesIO) -> None:
    with Image.open(file) as image:
        image.getexif()


def test_remarks_of_pillow_are_kept_back_and_warnings_of_others_shown(corrupt, recwarn) -> None:
    with reading_images():
        look(corrupt)
        warnings.warn("the disk is nearly full", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in recwarn.list] == ["the disk is nearly full"]
    with pytest.warns(UserWarning, match="Corrupt EXIF data"):
        look(corrupt)


def test_a_picture_over_the_limit_is_an_error_and_the_limit_goes_with_the_block(
    monkeypatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12_345)
    file = io.BytesIO()
    Image.new("1", (90, 90)).save(file, "PNG")
    with pytest.raises(Image.DecompressionBombWarning), reading_images(8_000):
        look(file)
    assert Image.MAX_IMAGE_PIXELS == 12_345
    look(file)
