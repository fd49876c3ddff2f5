"""What the network sees of a key frame: crops of one size, as numbers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from pipeline.engine.images import IMAGENET_MEAN, IMAGENET_STD

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

_LARGEST = 4096 * 4096


@dataclass(frozen=True)
class Sizing:
    """How a frame becomes crops: its longer side is brought to ``reach`` pixels, then cut.

    Frames shorter than ``reach`` stay as they are unless ``enlarge`` is set, and what is smaller
    than a crop is put in the middle of white, as transparent stickers are. Pixels become
    ``(value / 255 - mean) / std``.
    """

    crop: int
    reach: int
    enlarge: bool
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


def decode(jpeg: bytes) -> Image.Image:
    """A key frame as RGB; raises OSError or ValueError when it is none."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        if image.width * image.height > _LARGEST:
            raise ValueError(f"a key frame of {image.width} x {image.height} pixels")
        return image.convert("RGB")


def covering_crops(image: Image.Image, sizing: Sizing) -> Bytes:
    """Crops that cover a frame, each also mirrored: crops x side x side x 3.

    One crop where the frame fits into it, else both ends and the middle of each longer side.
    """
    whole = _sized(image, sizing, 1.0)
    rows, columns = _starts(whole.height, sizing.crop), _starts(whole.width, sizing.crop)
    crops = [_cut(whole, left, top, sizing.crop) for top in rows for left in columns]
    return np.stack([view for crop in crops for view in (crop, crop[:, ::-1])])


def training_crop(image: Image.Image, sizing: Sizing, random: np.random.Generator) -> Bytes:
    """One random crop, mirrored, rescaled, recoloured and compressed by chance.

    Rescaling and compression are what stickers go through when they are passed on, and they
    must not be taken for the grain of a photograph.
    """
    whole = _sized(image, sizing, float(np.exp(random.uniform(np.log(0.7), np.log(1.3)))))
    spare_x, spare_y = whole.width - sizing.crop, whole.height - sizing.crop
    left = int(random.integers(min(0, spare_x), max(0, spare_x) + 1))
    top = int(random.integers(min(0, spare_y), max(0, spare_y) + 1))
    cut = Image.fromarray(_cut(whole, left, top, sizing.crop))
    for enhance, spread in (
        (ImageEnhance.Brightness, 0.3),
        (ImageEnhance.Contrast, 0.3),
        (ImageEnhance.Color, 0.5),
    ):
        cut = enhance(cut).enhance(1 + spread * float(random.uniform(-1, 1)))
    if random.random() < 0.3:
        cut = _compressed(cut, int(random.integers(30, 90)))
    pixels = np.asarray(cut)
    return pixels[:, ::-1] if random.random() < 0.5 else pixels


def normalise(crops: Sequence[Bytes] | Bytes, sizing: Sizing) -> Floats:
    """Crops as the network takes them: crops x 3 x side x side."""
    scaled = np.asarray(crops, dtype=np.float32) / np.float32(255)
    mean, std = (np.array(values, dtype=np.float32) for values in (sizing.mean, sizing.std))
    return np.ascontiguousarray(((scaled - mean) / std).transpose(0, 3, 1, 2))


def _sized(image: Image.Image, sizing: Sizing, factor: float) -> Image.Image:
    longer = max(image.size)
    if longer > sizing.reach or sizing.enlarge:
        factor *= sizing.reach / longer
    if factor == 1:
        return image
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _cut(image: Image.Image, left: int, top: int, side: int) -> Bytes:
    """A square from ``left``, ``top``; what lies outside of the image is white."""
    canvas = Image.new("RGB", (side, side), "white")
    canvas.paste(image, (-left, -top))
    return np.asarray(canvas)


def _starts(length: int, side: int) -> list[int]:
    spare = length - side
    if spare <= 0:
        return [spare // 2]
    return [0, spare] if spare < side // 2 else [0, spare // 2, spare]


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality)
    return decode(target.getvalue())
