"""What one sticker shows: figures, ground, caption and motion, chosen by a seeded draw."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from random import Random
from typing import Literal

from pipeline.demo.concepts import BY_NAME
from pipeline.demo.figures import Colour, Ink

Style = Literal["flat", "line", "white", "photo"]
"""flat: filled on a coloured ground; line: dark lines on nothing; white: white lines on nothing;
photo: shaded, grainy and blurred, the stand-in for photographs."""
Ground = Literal["plain", "ramp", "dots", "stripes", "waves", "none", "photo"]
Motion = Literal["still", "bob", "sway", "pulse", "slide"]
MOTIONS: tuple[Motion, ...] = ("bob", "sway", "pulse", "slide")


@dataclass(frozen=True)
class PlacedFigure:
    """A figure's place: centre as a share of the canvas, side in pixels, turn in degrees."""

    concept: str
    ink: Ink
    centre: tuple[float, float]
    side: int
    turn: float


@dataclass(frozen=True)
class Scene:
    """All that decides a sticker's pixels; sizes in pixels, ``grain`` seeds its noise."""

    size: tuple[int, int]
    style: Style
    ground: Ground
    colours: tuple[Colour, Colour]
    figures: tuple[PlacedFigure, ...]
    caption: tuple[str, ...] = ()
    caption_on_top: bool = False
    motion: Motion = "still"
    frames: int = 1
    grain: int = 0


@dataclass(frozen=True)
class SceneContent:
    """What a scene must show; chance decides the rest."""

    concepts: tuple[str, ...]
    style: Style = "flat"
    caption: tuple[str, ...] = ()
    frames: int = 1
    size: tuple[int, int] | None = None
    ground: Ground | None = None


def compose(rng: Random, content: SceneContent) -> Scene:
    """Draw a scene with that content."""
    width, height = content.size or _size(rng)
    lightness = (rng.uniform(0.10, 0.35), rng.uniform(0.80, 1.0))
    hue = rng.random()
    on_top = rng.random() < 0.35
    return Scene(
        size=(width, height),
        style=content.style,
        ground=content.ground or _ground(rng, content.style),
        colours=(_rgb(hue, *lightness), _rgb(hue + rng.uniform(0.1, 0.4), *lightness)),
        figures=_place(rng, content, min(width, height), on_top),
        caption=content.caption,
        caption_on_top=on_top,
        motion="still" if content.frames == 1 else rng.choice(MOTIONS),
        frames=content.frames,
        grain=rng.getrandbits(32),
    )


def choose_ink(rng: Random, concept: str, style: Style) -> Ink:
    """Colours of a concept's figure in a style, varied a little around the concept's own."""
    hue, saturation, value = BY_NAME[concept].colour
    hue += rng.uniform(-0.02, 0.02)
    width = rng.randint(4, 8)
    if style == "white":
        return Ink(None, (255, 255, 255), (255, 255, 255), width + 3)
    if style == "line":
        return Ink(None, _rgb(hue, saturation, value * 0.55), _rgb(hue, saturation, value), width)
    saturation *= rng.uniform(0.85, 1.0) * (0.8 if style == "photo" else 1.0)
    value *= rng.uniform(0.88, 1.03)
    fill = _rgb(hue, saturation, value)
    edge = _rgb(hue, min(1.0, saturation + 0.1), value * (0.45 if style == "photo" else 0.22))
    return Ink(fill, edge, _rgb(hue, 0.12, 0.98), width)


def _size(rng: Random) -> tuple[int, int]:
    side = rng.choice((120, 144, 160, 176, 200, 224))
    stretch = rng.choice((1.0, 1.0, 1.0, 1.15, 1.3))
    longer = round(side * stretch)
    return (side, longer) if rng.random() < 0.5 else (longer, side)


def _ground(rng: Random, style: Style) -> Ground:
    if style == "photo":
        return "photo"
    if style == "flat":
        grounds: tuple[Ground, ...] = ("plain", "ramp", "ramp", "dots", "stripes")
        return rng.choice(grounds)
    return "none"


def _place(
    rng: Random, content: SceneContent, side: int, caption_on_top: bool
) -> tuple[PlacedFigure, ...]:
    count = len(content.concepts)
    share = rng.uniform(0.58, 0.82) if count == 1 else rng.uniform(0.42, 0.54)
    middle = rng.uniform(0.40, 0.60)
    if content.caption:
        share = min(share, 0.70)
        middle = 0.62 if caption_on_top else 0.38
    placed = []
    for number, concept in enumerate(content.concepts):
        across = rng.uniform(0.36, 0.64) if count == 1 else 0.27 + 0.46 * number
        centre = (across, middle + rng.uniform(-0.04, 0.04))
        ink = choose_ink(rng, concept, content.style)
        turn = rng.uniform(-24, 24)
        placed.append(PlacedFigure(concept, ink, centre, round(side * share), turn))
    return tuple(placed)


def _rgb(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, min(saturation, 1.0), min(value, 1.0))
    return (round(255 * red), round(255 * green), round(255 * blue))
