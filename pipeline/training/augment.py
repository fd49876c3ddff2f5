"""Augmentations of one image, drawn from a numpy generator: a mirror, and RandAugment."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from pipeline.training.arrays import Images

Operation = Callable[[Image.Image, float], Image.Image]
"""An image changed by a strength from -1 to 1; most operations look at its size alone."""

_WHITE = (255, 255, 255)
_BICUBIC = Image.Resampling.BICUBIC


def mirror(image: Images, random: np.random.Generator, chance: float = 0.5) -> Images:
    """The image (H, W, 3) with left and right exchanged by ``chance``, else as it is."""
    return image[:, ::-1] if random.random() < chance else image


def rand_augment(
    image: Images,
    random: np.random.Generator,
    operations: int = 2,
    magnitude: float = 9.0,
    spread: float = 0.5,
    chance: float = 0.5,
) -> Images:
    """An image (H, W, 3) after so many of ``OPERATIONS``, drawn with replacement (RandAugment).

    Each takes place by ``chance``, at a magnitude from 0 to 10 drawn around ``magnitude``. With
    the defaults this is timm's policy ``rand-m9-mstd0.5-inc1``, but for what a moved image leaves
    empty: it's white here, as stickers stand on white.
    """
    picture = Image.fromarray(image)
    names = random.choice(list(OPERATIONS), operations)
    for name in names:
        # All three are drawn every time, so that one operation's luck doesn't move the next one's.
        happens, drawn, sign = random.random(), random.normal(magnitude, spread), random.random()
        if happens < chance:
            strength = float(np.clip(drawn, 0, 10)) / 10
            picture = OPERATIONS[name](picture, strength if sign < 0.5 else -strength)
    return np.asarray(picture)


def _enhance(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Operation:
    return lambda image, strength: kind(image).enhance(max(0.1, 1 + 0.9 * strength))


def _rotate(image: Image.Image, strength: float) -> Image.Image:
    return image.rotate(30 * strength, _BICUBIC, fillcolor=_WHITE)


def _shear_x(image: Image.Image, strength: float) -> Image.Image:
    return _move(image, (1, 0.3 * strength, 0, 0, 1, 0))


def _shear_y(image: Image.Image, strength: float) -> Image.Image:
    return _move(image, (1, 0, 0, 0.3 * strength, 1, 0))


def _translate_x(image: Image.Image, strength: float) -> Image.Image:
    return _move(image, (1, 0, 0.45 * strength * image.width, 0, 1, 0))


def _translate_y(image: Image.Image, strength: float) -> Image.Image:
    return _move(image, (1, 0, 0, 0, 1, 0.45 * strength * image.height))


def _move(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, resample=_BICUBIC, fillcolor=_WHITE
    )


def _posterize(image: Image.Image, strength: float) -> Image.Image:
    # At full strength no bit would be left, and a black image teaches nothing.
    return ImageOps.posterize(image, max(1, 4 - int(4 * abs(strength))))


def _solarize(image: Image.Image, strength: float) -> Image.Image:
    return ImageOps.solarize(image, 256 - int(256 * abs(strength)))


def _brighten_darker_half(image: Image.Image, strength: float) -> Image.Image:
    more = int(110 * abs(strength))
    table = [value + more if value < 128 else value for value in range(256)]
    return image.point([min(255, value) for value in table] * 3)


OPERATIONS: dict[str, Operation] = {
    "auto contrast": lambda image, strength: ImageOps.autocontrast(image),
    "equalize": lambda image, strength: ImageOps.equalize(image),
    "invert": lambda image, strength: ImageOps.invert(image),
    "rotate": _rotate,
    "posterize": _posterize,
    "solarize": _solarize,
    "brighten the darker half": _brighten_darker_half,
    "colour": _enhance(ImageEnhance.Color),
    "contrast": _enhance(ImageEnhance.Contrast),
    "brightness": _enhance(ImageEnhance.Brightness),
    "sharpness": _enhance(ImageEnhance.Sharpness),
    "shear x": _shear_x,
    "shear y": _shear_y,
    "translate x": _translate_x,
    "translate y": _translate_y,
}
"""What ``rand_augment`` draws from; a larger size of the strength always changes more."""
