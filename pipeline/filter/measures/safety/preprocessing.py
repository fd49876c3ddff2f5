"""From pixels to what a classifier takes, as its preprocessor_config.json says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.filter.measures.safety.options import Colour

Size = tuple[int, int]
_SIDES = range(8, 2049)


@dataclass(frozen=True)
class Preprocessing:
    """Resize, cut out the centre, scale and normalise; sizes are height and width in pixels.

    ``shortest`` is a side's length: the proportions then stay, and ``crop`` makes it ``size``.
    """

    size: Size
    shortest: int | None = None
    resample: int = Image.Resampling.BILINEAR
    scale: float = 1 / 255
    mean: Colour = (0.0, 0.0, 0.0)
    std: Colour = (1.0, 1.0, 1.0)

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Pixels (height, width, 3) as numbers (3, height, width)."""
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        height, width = self.size
        if self.shortest is None:
            picture = picture.resize((width, height), self.resample)
        else:
            picture = self._resized(picture, self.shortest)
            left, top = (picture.width - width) // 2, (picture.height - height) // 2
            picture = picture.crop((left, top, left + width, top + height))
        colours = np.asarray(picture, np.float32) * np.float32(self.scale)
        colours -= np.array(self.mean, np.float32)
        colours /= np.array(self.std, np.float32)
        return colours.transpose(2, 0, 1)

    def _resized(self, picture: Image.Image, shortest: int) -> Image.Image:
        # A picture of 1 x 512 would be enlarged to 384 x 196,608: nothing beyond the crop counts.
        short, long = sorted(picture.size)
        length = min(int(shortest * long / short), 8 * max(shortest, *self.size))
        size = (shortest, length) if picture.width <= picture.height else (length, shortest)
        return picture.resize(size, self.resample)


def read_preprocessing(described: Mapping[str, Any], fixed: Size | None) -> Preprocessing:
    """What preprocessor_config.json says; ``fixed`` is the size where it says none.

    Raises ValueError with what is missing or not understood.
    """
    if "crop_pct" in described or described.get("do_pad"):
        raise ValueError("preprocessor_config.json asks for crop_pct or do_pad: set input_size")
    size, shortest = _size(described.get("size"), fixed)
    if described.get("do_center_crop"):
        crop, _ = _size(described.get("crop_size"), size)
        if crop is None or (shortest is not None and max(crop) > shortest):
            raise ValueError("its crop_size is larger than its size: set input_size")
        if shortest is None and crop != size:
            raise ValueError("it crops after it resizes both sides: set input_size")
        size = crop
    elif shortest is not None:
        raise ValueError("it keeps proportions without a crop: set input_size")
    if size is None:
        raise ValueError("it doesn't say how large its pictures are: set input_size")
    normalises = described.get("do_normalize", True)
    return Preprocessing(
        size=size,
        shortest=shortest,
        resample=_resample(described.get("resample", Image.Resampling.BILINEAR)),
        scale=float(described.get("rescale_factor", 1 / 255))
        if described.get("do_rescale", True)
        else 1.0,
        mean=_colour(described, "image_mean") if normalises else (0.0, 0.0, 0.0),
        std=_colour(described, "image_std") if normalises else (1.0, 1.0, 1.0),
    )


def _size(told: Any, fixed: Size | None) -> tuple[Size | None, int | None]:
    """Height and width, or the length of the shorter side."""
    if told is None:
        return fixed, None
    if isinstance(told, int):
        return (_side(told), _side(told)), None
    if isinstance(told, dict) and {"height", "width"} <= set(told):
        return (_side(told["height"]), _side(told["width"])), None
    if isinstance(told, dict) and "shortest_edge" in told:
        return None, _side(told["shortest_edge"])
    raise ValueError("the size in preprocessor_config.json is not understood: set input_size")


def _side(value: Any) -> int:
    if not isinstance(value, int) or value not in _SIDES:
        raise ValueError(f"a side of {value} pixels is none from 8 to 2048")
    return value


def _resample(value: Any) -> int:
    try:
        return Image.Resampling(value)
    except ValueError:
        raise ValueError(f"there is no way of resizing numbered {value!r}") from None


def _colour(described: Mapping[str, Any], key: str) -> Colour:
    value = described.get(key)
    if not isinstance(value, list | tuple) or len(value) != 3:
        option = key.removeprefix("image_")
        raise ValueError(f"nothing says which {option} normalises its pictures: set {option}")
    red, green, blue = (float(part) for part in value)
    if key == "image_std" and min(red, green, blue) <= 0:
        raise ValueError("its image_std is not above 0")
    return red, green, blue
