"""Tiny pictures, soft blots in sixteen colours: drawn by the shard, distinct by the sticker."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from synthetic.chance import Numbers, bits
from synthetic.stickers import FORMATS, Stickers

Levels = npt.NDArray[np.uint8]
"""Pictures as indices into a palette; shape (pictures, side, side)."""

_SIDES = (28, 36, 40, 48)
_KNOTS = 6
_FRAMES = (2, 3, 4)


def draw(seed: int, pictures: Numbers, side: int, colours: int = 16) -> Levels:
    """Each picture's random field of 6 x 6, drawn smoothly at ``side`` pixels."""
    words = [bits(seed, f"blot {part}", pictures) for part in range(-(-(_KNOTS**2) // 8))]
    octets = np.concatenate([word.view(np.uint8).reshape(-1, 8) for word in words], axis=1)
    knots = octets[:, : _KNOTS**2].reshape(-1, _KNOTS, _KNOTS) / 256.0
    rise = _rise(side)
    field = rise @ knots @ rise.T
    return np.asarray(np.clip(field * colours, 0, colours - 1).astype(np.uint8))


def encode(stickers: Stickers) -> list[bytes]:
    """A small file for each sticker, in its format, no two of which are equal."""
    found: list[bytes] = [b""] * len(stickers.numbers)
    sides = np.array(_SIDES)[(stickers.uniform("side", of_picture=True) * 4).astype(int)]
    for side in _SIDES:
        places = np.flatnonzero(sides == side)
        levels = draw(stickers.seed, stickers.picture[places], side)
        for place, picture in zip(places.tolist(), levels, strict=True):
            found[place] = _encode(stickers, place, _vary(str(stickers.kind[place]), picture))
    return found


def _vary(kind: str, picture: Levels) -> Levels:
    """The picture as a repetition shows it."""
    if kind == "perceptual":
        return np.asarray(np.minimum(picture + (np.indices(picture.shape).sum(0) % 7 == 0), 15))
    if kind == "template":
        changed = picture.copy()
        changed[:10, :10] = 15 - changed[:10, :10]
        return changed
    return picture


def _encode(stickers: Stickers, place: int, picture: Levels) -> bytes:
    """One file; a comment with the sticker's number keeps those of equal pixels apart."""
    kind, number = FORMATS[stickers.format[place]], int(stickers.numbers[place])
    frames = [_image(levels, int(stickers.picture[place])) for levels in _play(kind, picture)]
    note, file = b"%d" % number, io.BytesIO()
    if kind == "gif":
        more = {"save_all": True, "append_images": frames[1:], "duration": 100, "loop": 0}
        frames[0].save(file, "GIF", comment=note, **more)
    elif kind == "png":
        frames[0].save(file, "PNG", compress_level=1)
        return _with_chunk(file.getvalue(), b"tEXtComment\0" + note)
    elif kind == "webp":
        frames[0].convert("RGB").save(file, "WEBP", quality=60, method=0, exif=note)
    else:
        frames[0].convert("RGB").save(file, "JPEG", quality=80, comment=note)
    return file.getvalue()


def _play(kind: str, picture: Levels) -> Iterator[Levels]:
    yield picture
    if kind == "gif":
        for step in range(1, _FRAMES[int(picture[0].sum()) % 3]):
            yield np.roll(picture, 4 * step, axis=1)


def _image(levels: Levels, number: int) -> Image.Image:
    image = Image.fromarray(levels, "P")
    image.putpalette(_palette(number % 64))
    return image


@cache
def _palette(number: int) -> bytes:
    """Sixteen colours from dark to light, of some hue."""
    hue = np.random.default_rng(number).uniform(0.3, 1, 3)
    return bytes((np.linspace(20, 250, 16)[:, None] * hue).astype(np.uint8).ravel())


@cache
def _rise(side: int) -> npt.NDArray[np.float64]:
    """Weights of the knots at each pixel; shape (side, knots)."""
    at = np.linspace(0, _KNOTS - 1, side)[:, None] - np.arange(_KNOTS)
    return np.asarray(np.clip(1 - np.abs(at), 0, 1))


def _with_chunk(png: bytes, chunk: bytes) -> bytes:
    """The PNG file with one more chunk before its end."""
    check = zlib.crc32(chunk).to_bytes(4, "big")
    return png[:-12] + (len(chunk) - 4).to_bytes(4, "big") + chunk + check + png[-12:]
