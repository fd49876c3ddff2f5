"""The one way in which Pillow reads files of strangers: quiet, and with a limit on pixels."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

MOST_PIXELS = 40_000_000
"""Width x height that is opened where no configuration says otherwise."""


@contextmanager
def reading_images(max_pixels: int = MOST_PIXELS) -> Iterator[None]:
    """Pillow refuses pictures over ``max_pixels`` and keeps its remarks on damage to itself.

    Its remarks ("Corrupt EXIF data") name neither a file nor a remedy, and there is one for every
    damaged file. Warnings of ours, and of all others, are shown as ever.
    """
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"PIL\.")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
