"""What people do to a picture before they post it again: the same to all frames of one sticker."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from random import Random

from PIL import Image, ImageDraw, ImageFont

from pipeline.engine.fonts import chinese_font

Change = Callable[[Image.Image], Image.Image]
"""From a frame (RGBA) to a frame; the same for all frames of a sticker."""

_FILTERS = (
    Image.Resampling.LANCZOS,
    Image.Resampling.BILINEAR,
    Image.Resampling.BOX,
    Image.Resampling.BICUBIC,
)
_MARKS = ("@sticker_daily", "www.bqb.example", "表情包大全", "©meme", "微博@小明", "Made by K")


def flat(frame: Image.Image) -> Image.Image:
    """On white, as RGB."""
    canvas = Image.new("RGB", frame.size, "white")
    canvas.paste(frame, mask=frame.getchannel("A"))
    return canvas


def font(size: int) -> ImageFont.FreeTypeFont:
    found = chinese_font()
    if found is None:
        raise SystemExit("captions need a font with Chinese glyphs: fonts-wqy-microhei")
    return ImageFont.truetype(str(found), size)


def scaled(chance: Random, factor: float) -> Change:
    how = chance.choice(_FILTERS)

    def change(frame: Image.Image) -> Image.Image:
        return frame.resize([max(1, round(side * factor)) for side in frame.size], how)

    return change


def as_jpeg(chance: Random) -> Change:
    subsampling = chance.choice((0, 1, 2))

    def change(frame: Image.Image) -> Image.Image:
        out = io.BytesIO()
        flat(frame).save(out, "JPEG", quality=60, subsampling=subsampling)
        return Image.open(out).convert("RGBA")

    return change


def few_colours(chance: Random) -> Change:
    dither = chance.choice((Image.Dither.NONE, Image.Dither.FLOYDSTEINBERG))

    def change(frame: Image.Image) -> Image.Image:
        return flat(frame).quantize(24, dither=dither).convert("RGBA")

    return change


def mirrored(chance: Random) -> Change:
    return lambda frame: frame.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def cropped(chance: Random, share: float) -> Change:
    """``share`` of width and height goes: from both sides alike, or unevenly."""
    x, y = (0.5, 0.5) if chance.random() < 0.5 else (chance.random(), chance.random())

    def change(frame: Image.Image) -> Image.Image:
        width, height = (side * share for side in frame.size)
        left, top = round(width * x), round(height * y)
        right, bottom = round(width) - left, round(height) - top
        return frame.crop((left, top, frame.width - right, frame.height - bottom))

    return change


def bordered(chance: Random, share: float) -> Change:
    """``share`` of the longer side on each side, white, black or coloured."""
    colours = ("white", "black", (*(chance.randrange(256) for _ in range(3)),))
    colour = colours[chance.randrange(3)]

    def change(frame: Image.Image) -> Image.Image:
        edge = round(max(frame.size) * share)
        canvas = Image.new("RGBA", (frame.width + 2 * edge, frame.height + 2 * edge), colour)
        canvas.paste(flat(frame), (edge, edge))
        return canvas

    return change


def watermarked(chance: Random) -> Change:
    """A site's or author's name in a corner, 4% to 7% of the picture's height."""
    text, opacity = chance.choice(_MARKS), chance.uniform(0.3, 0.9)
    size, corner = chance.uniform(0.04, 0.07), chance.randrange(4)
    level = chance.choice((0, 128, 255))

    def change(frame: Image.Image) -> Image.Image:
        layer = Image.new("RGBA", frame.size, (level, level, level, 0))
        draw = ImageDraw.Draw(layer)
        letters = font(max(8, round(frame.height * size)))
        wide, tall = draw.textbbox((0, 0), text, letters)[2:]
        gap = frame.height // 50
        x = gap if corner % 2 else frame.width - wide - gap
        y = gap if corner // 2 else frame.height - tall - gap
        draw.text((x, y), text, (level, level, level, round(255 * opacity)), letters)
        return Image.alpha_composite(flat(frame).convert("RGBA"), layer)

    return change


def turned(chance: Random, degrees: float) -> Change:
    """A little to the left or the right, on white."""
    angle = chance.choice((-degrees, degrees))

    def change(frame: Image.Image) -> Image.Image:
        return (
            flat(frame).rotate(angle, Image.Resampling.BICUBIC, fillcolor="white").convert("RGBA")
        )

    return change


CHANGES: Mapping[str, Callable[[Random], Change]] = {
    "half size": lambda chance: scaled(chance, 0.5),
    "double size": lambda chance: scaled(chance, 2),
    "JPEG 60": as_jpeg,
    "24 colours": few_colours,
    "mirror": mirrored,
    "crop 5%": lambda chance: cropped(chance, 0.05),
    "crop 10%": lambda chance: cropped(chance, 0.10),
    "border 8%": lambda chance: bordered(chance, 0.08),
    "watermark": watermarked,
}
FURTHER: Mapping[str, Callable[[Random], Change]] = {
    "crop 15%": lambda chance: cropped(chance, 0.15),
    "crop 20%": lambda chance: cropped(chance, 0.20),
    "border 15%": lambda chance: bordered(chance, 0.15),
    "turned 2 degrees": lambda chance: turned(chance, 2),
    "turned 5 degrees": lambda chance: turned(chance, 5),
}
"""Beyond what is asked of the codes; planted where embeddings are compared, too."""
