"""Pictures and frames drawn here: noisy, shaded photographs and flat, outlined drawings."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

Draw = Callable[[int], Image.Image]


def _photograph(seed: int) -> Image.Image:
    """Soft, brownish shapes under light and sensor noise."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(40, 200, (7, 7, 1)) * np.array([1.0, 0.85, 0.7])
    image = Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8))
    image = image.resize((160, 160), Image.Resampling.BICUBIC)
    noisy = np.asarray(image, dtype=float) + random.normal(0, 7, (160, 160, 1))
    noisy = noisy + random.normal(0, 2, (160, 160, 3))
    picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def _drawing(seed: int) -> Image.Image:
    """Flat fills and black outlines on white."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (160, 160), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(3):
        left, top = random.integers(10, 80, 2).tolist()
        fill = tuple(random.integers(60, 256, 3).tolist())
        pen.ellipse((left, top, left + 60, top + 50), fill=fill, outline="black", width=4)
    return image


@pytest.fixture(scope="session")
def photograph() -> Draw:
    return _photograph


@pytest.fixture(scope="session")
def drawing() -> Draw:
    return _drawing


@pytest.fixture
def jpeg() -> Callable[[Image.Image], bytes]:
    """Encodes a key frame as the filter does."""

    def encode(picture: Image.Image) -> bytes:
        target = io.BytesIO()
        picture.save(target, "JPEG", quality=90)
        return target.getvalue()

    return encode
