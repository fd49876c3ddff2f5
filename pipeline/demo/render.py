"""Scenes to pixels."""

from __future__ import annotations

import math
from functools import cache, partial
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from pipeline.demo.figures import draw_figure
from pipeline.demo.lettering import Lettering, write_lines
from pipeline.demo.scene import Motion, PlacedFigure, Scene


def render(scene: Scene, lettering: Lettering) -> list[Image.Image]:
    """RGBA frames of a scene, in play order."""
    ground = _draw_ground(scene)
    # Turning a tile takes the longest, and most motions turn or scale nothing.
    stamps = [cache(partial(_stamp, _draw_tile(scene, f), f)) for f in scene.figures]
    frames = []
    for number in range(scene.frames):
        canvas = ground.copy()
        dx, dy, scale, turn = _move(scene.motion, number / scene.frames)
        for figure, stamp in zip(scene.figures, stamps, strict=True):
            _print(canvas, stamp(scale, turn), figure, (dx, dy))
        if scene.style == "photo":
            canvas = _develop(canvas, scene.grain)
        if scene.caption:
            _write_caption(canvas, scene, lettering)
        frames.append(_whiten(canvas) if scene.style == "white" else canvas)
    return frames


def flatten(image: Image.Image, background: str = "white") -> Image.Image:
    """RGB image composited on a background."""
    ground = Image.new("RGBA", image.size, background)
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _move(motion: Motion, phase: float) -> tuple[float, float, float, float]:
    """Shift in x and y (shares of the canvas), scale and turn (degrees) at a phase from 0 to 1."""
    wave = math.sin(2 * math.pi * phase)
    match motion:
        case "bob":
            return (0.0, 0.07 * wave, 1.0, 0.0)
        case "slide":
            return (0.09 * wave, 0.0, 1.0, 0.0)
        case "sway":
            return (0.0, 0.0, 1.0, 16 * wave)
        case "pulse":
            return (0.0, 0.0, 1 + 0.14 * wave, 0.0)
        case "still":
            return (0.0, 0.0, 1.0, 0.0)


def _draw_tile(scene: Scene, figure: PlacedFigure) -> Image.Image:
    tile = draw_figure(figure.concept, figure.ink)
    if scene.style != "photo":
        return tile
    # Light from above left and a soft rim are what tells a ball from a disc.
    pixels = np.asarray(tile, dtype=np.float32)
    rows, columns = np.mgrid[0 : tile.height, 0 : tile.width] / tile.height
    light = 1.25 - 0.55 * np.hypot(rows - 0.25, columns - 0.3)
    pixels = np.concatenate([pixels[..., :3] * light[..., None], pixels[..., 3:]], axis=2)
    shaded = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGBA")
    return shaded.filter(ImageFilter.GaussianBlur(2.5))


def _stamp(tile: Image.Image, figure: PlacedFigure, scale: float, turn: float) -> Image.Image:
    side = max(8, round(figure.side * scale))
    turned = tile.rotate(figure.turn + turn, Image.Resampling.BICUBIC)
    return turned.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _print(
    canvas: Image.Image, stamp: Image.Image, figure: PlacedFigure, shift: tuple[float, float]
) -> None:
    x = round((figure.centre[0] + shift[0]) * canvas.width - stamp.width / 2)
    y = round((figure.centre[1] + shift[1]) * canvas.height - stamp.height / 2)
    layer = Image.new("RGBA", canvas.size, (*figure.ink.edge, 0))
    layer.paste(stamp, (x, y))
    canvas.alpha_composite(layer)


def _draw_ground(scene: Scene) -> Image.Image:
    width, height = scene.size
    first, second = scene.colours
    rng = Random(scene.grain)
    canvas = Image.new("RGBA", scene.size, (*first, 255))
    draw = ImageDraw.Draw(canvas)
    match scene.ground:
        case "none":
            return Image.new("RGBA", scene.size, (255, 255, 255, 0))
        case "photo":
            return _landscape(scene)
        case "waves":
            return _waves(scene)
        case "ramp":
            ramp = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180, 270)))
            over = Image.new("RGBA", scene.size, (*second, 255))
            canvas.paste(over, mask=ramp.resize(scene.size))
        case "dots":
            step, offset = rng.randint(28, 44), rng.randint(0, 20)
            for x in range(offset, width, step):
                for y in range(offset, height, step):
                    draw.ellipse((x, y, x + step // 2, y + step // 2), fill=second)
        case "stripes":
            step, slope = rng.randint(24, 48), rng.randint(-60, 60)
            for x in range(-width, 2 * width, 2 * step):
                ends = [(x, 0), (x + step, 0), (x + step + slope, height), (x + slope, height)]
                draw.polygon(ends, fill=second)
        case "plain":
            inset = rng.randint(4, 10)
            box = (inset, inset, width - inset, height - inset)
            draw.rectangle(box, outline=second, width=rng.randint(2, 6))
    return canvas


def _waves(scene: Scene) -> Image.Image:
    """Soft spots with equal shares of all low frequencies, so strong that a caption or a figure
    flips hardly a bit of a perceptual hash."""
    rng = np.random.default_rng(scene.grain)
    # As many rising as falling waves: the median, which decides the bits, stays near zero.
    signs = rng.permutation(np.repeat([1.0, -1.0], 32)).reshape(8, 8)
    signs[0, 0] = 0
    steps = np.pi * (2 * np.arange(48)[None, :] + 1) * np.arange(8)[:, None] / 96
    field = np.cos(steps).T @ signs @ np.cos(steps)
    share = np.clip(0.5 + field / (3.2 * field.std()), 0, 1)[..., None]
    dark, light = np.array(scene.colours[0]) * 0.15, np.array(scene.colours[1])
    small = Image.fromarray((dark + share * (light - dark)).astype(np.uint8), "RGB")
    return small.resize(scene.size, Image.Resampling.BICUBIC).convert("RGBA")


def _landscape(scene: Scene) -> Image.Image:
    """Smooth patches of muted colour, as an out-of-focus background has them."""
    rng = np.random.default_rng(scene.grain)
    base = np.array(scene.colours[0], dtype=np.float32) * rng.uniform(0.45, 0.85)
    patches = np.clip(base + rng.normal(0, 34, (6, 6, 1)) + rng.normal(0, 9, (6, 6, 3)), 0, 255)
    small = Image.fromarray(patches.astype(np.uint8), "RGB")
    return small.resize(scene.size, Image.Resampling.BICUBIC).convert("RGBA")


def _develop(canvas: Image.Image, grain: int) -> Image.Image:
    """Slight blur and sensor noise, the same in every frame of one sticker."""
    soft = canvas.convert("RGB").filter(ImageFilter.GaussianBlur(0.8))
    rng = np.random.default_rng(grain)
    noise = rng.normal(0, 6, (canvas.height, canvas.width, 1))
    noisy = np.clip(np.asarray(soft, dtype=np.float32) + noise, 0, 255)
    return Image.fromarray(noisy.astype(np.uint8), "RGB").convert("RGBA")


def _write_caption(canvas: Image.Image, scene: Scene, lettering: Lettering) -> None:
    width, height = canvas.size
    band = height * 0.22 * len(scene.caption)
    top = 2.0 if scene.caption_on_top else height - band - 2
    colours = ("white", None) if scene.style == "white" else ("black", "white")
    box = (width * 0.05, top, width * 0.95, top + band)
    write_lines(ImageDraw.Draw(canvas), box, scene.caption, lettering, colours)


def _whiten(canvas: Image.Image) -> Image.Image:
    """Pure white under the alpha: resampling leaves greyish edges, which would show on white."""
    white = Image.new("RGBA", canvas.size, (255, 255, 255, 0))
    white.putalpha(canvas.getchannel("A"))
    return white
