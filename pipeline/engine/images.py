"""How Pillow reads files of strangers: quietly, with a limit; and pixels' means and deviations."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

MOST_PIXELS = 40_000_000
"""Width x height that is opened where no configuration says otherwise."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""Of red, green and blue from 0 to 1; CLIP's are OpenAI's, and Chinese-CLIP's too."""


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
