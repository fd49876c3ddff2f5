"""The figure of each concept, drawn on a square tile in coordinates from 0 to 100."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

TILE = 200
"""Side of a tile in pixels."""

Colour = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True)
class Ink:
    """Colours of a figure: fill of its body (None leaves it hollow), edges, and details."""

    fill: Colour | None
    edge: Colour
    accent: Colour
    width: int = 5


class Pen:
    """A drawing tile that takes coordinates from 0 to 100."""

    def __init__(self, ink: Ink) -> None:
        self.ink = ink
        self.tile = Image.new("RGBA", (TILE, TILE), (*ink.edge, 0))
        self._draw = ImageDraw.Draw(self.tile)

    def blob(self, x: float, y: float, rx: float, ry: float | None = None) -> None:
        """A filled ellipse with an edge."""
        box = _box(x, y, rx, rx if ry is None else ry)
        self._draw.ellipse(box, fill=self.ink.fill, outline=self.ink.edge, width=self.ink.width)

    def dot(self, x: float, y: float, rx: float, ry: float | None = None) -> None:
        """A small ellipse in the edge's colour."""
        self._draw.ellipse(_box(x, y, rx, rx if ry is None else ry), fill=self.ink.edge)

    def drop(self, x: float, y: float, size: float) -> None:
        """A tear in the accent's colour, its tip above."""
        shape = [(x, y - 1.6 * size), (x + 0.8 * size, y), (x - 0.8 * size, y)]
        self._draw.polygon(_scaled(shape), fill=self.ink.accent)
        self._draw.ellipse(_box(x, y + 0.3 * size, size, size), fill=self.ink.accent)

    def patch(self, points: Sequence[Point], *, accent: bool = False) -> None:
        """A filled polygon with an edge."""
        fill = self.ink.accent if accent and self.ink.fill is not None else self.ink.fill
        ends = [*_scaled(points), _scaled(points)[0]]
        if fill is not None:
            self._draw.polygon(ends, fill=fill)
        self._draw.line(ends, fill=self.ink.edge, width=self.ink.width, joint="curve")

    def line(self, *points: Point, width: float = 1.0) -> None:
        """A line through the points; ``width`` multiplies the ink's."""
        stroke = round(self.ink.width * width)
        self._draw.line(_scaled(points), fill=self.ink.edge, width=stroke, joint="curve")

    def arc(self, x: float, y: float, rx: float, ry: float, turn: tuple[float, float]) -> None:
        """Part of an ellipse's edge, between two angles in degrees (clockwise from 3 o'clock)."""
        self._draw.arc(_box(x, y, rx, ry), *turn, fill=self.ink.edge, width=self.ink.width)


def draw_figure(concept: str, ink: Ink) -> Image.Image:
    """RGBA tile with the figure of a concept."""
    pen = Pen(ink)
    _FIGURES[concept](pen)
    return pen.tile


def _box(x: float, y: float, rx: float, ry: float) -> tuple[float, float, float, float]:
    scale = TILE / 100
    return ((x - rx) * scale, (y - ry) * scale, (x + rx) * scale, (y + ry) * scale)


def _scaled(points: Sequence[Point]) -> list[Point]:
    return [(x * TILE / 100, y * TILE / 100) for x, y in points]


def _happy(pen: Pen) -> None:
    pen.blob(50, 50, 44)
    pen.dot(35, 40, 5, 8)
    pen.dot(65, 40, 5, 8)
    pen.arc(50, 52, 26, 24, (15, 165))
    pen.line((25, 58), (75, 58), width=0.8)


def _cry(pen: Pen) -> None:
    pen.blob(50, 48, 44)
    pen.line((24, 42), (42, 34), width=1.4)
    pen.line((76, 42), (58, 34), width=1.4)
    pen.arc(50, 76, 18, 14, (200, 340))
    for y in (58, 78):
        pen.drop(30, y, 8)
        pen.drop(70, y, 8)


def _cat(pen: Pen) -> None:
    pen.patch([(12, 8), (42, 26), (14, 52)])
    pen.patch([(88, 8), (58, 26), (86, 52)])
    pen.blob(50, 56, 42, 36)
    pen.dot(34, 50, 5, 9)
    pen.dot(66, 50, 5, 9)
    pen.patch([(45, 62), (55, 62), (50, 68)], accent=True)
    for y in (62, 72):
        pen.line((4, y - 3), (30, y))
        pen.line((96, y - 3), (70, y))


def _cheer(pen: Pen) -> None:
    pen.line((16, 4), (16, 96), width=1.8)
    pen.patch([(18, 8), (94, 32), (18, 58)])
    pen.line((30, 26), (30, 40), width=1.2)
    pen.line((44, 28), (44, 38), width=1.2)


def _night(pen: Pen) -> None:
    outer = [_polar(48, 50, 42, angle) for angle in range(60, 301, 12)]
    inner = [_polar(70, 50, 37, angle) for angle in range(280, 79, -12)]
    pen.patch([*outer, *inner])
    for x, y, size in ((74, 26, 13), (84, 58, 9), (64, 74, 7)):
        star = [_polar(x, y, size if k % 2 == 0 else size * 0.4, 36 * k - 90) for k in range(10)]
        pen.patch(star, accent=True)


def _thanks(pen: Pen) -> None:
    pen.line((50, 50), (50, 97), width=1.8)
    pen.line((50, 84), (72, 72), width=1.6)
    for k in range(5):
        x, y = _polar(50, 36, 21, 72 * k - 90)
        pen.blob(x, y, 14)
    pen.patch([_polar(50, 36, 10, angle) for angle in range(0, 360, 20)], accent=True)


def _eat(pen: Pen) -> None:
    pen.line((40, 44), (84, 2), width=1.3)
    pen.line((54, 46), (96, 10), width=1.3)
    pen.patch([_polar(46, 50, 32, angle) for angle in range(180, 361, 15)], accent=True)
    rim = [(6, 50), (94, 50)]
    pen.patch([*rim, *[_polar(50, 50, 40, angle) for angle in range(0, 181, 15)]])
    pen.patch([(34, 88), (66, 88), (70, 97), (30, 97)])


def _angry(pen: Pen) -> None:
    pen.blob(46, 54, 42)
    pen.line((22, 34), (42, 48), width=1.8)
    pen.line((70, 34), (50, 48), width=1.8)
    pen.dot(34, 54, 5)
    pen.dot(58, 54, 5)
    pen.line((30, 78), (38, 72), (46, 78), (54, 72), (62, 78), width=1.2)
    for dx, dy in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        x, y = 84 + 4 * dx, 18 + 4 * dy
        pen.line((x, y + 9 * dy), (x, y), (x + 9 * dx, y), width=1.2)


def _love(pen: Pen) -> None:
    steps = [2 * math.pi * k / 60 for k in range(60)]
    pen.patch(
        [
            (
                50 + 2.8 * 16 * math.sin(t) ** 3,
                46
                - 2.8
                * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)),
            )
            for t in steps
        ]
    )
    pen.arc(32, 32, 14, 12, (180, 270))


def _bye(pen: Pen) -> None:
    for x, top in ((26, 22), (42, 8), (58, 8), (74, 20)):
        pen.blob(x, top + 26, 8, 26)
    pen.blob(14, 62, 12, 8)
    pen.blob(50, 68, 34, 30)
    pen.arc(50, 70, 16, 12, (200, 340))


def _question(pen: Pen) -> None:
    hook = [_polar(50, 32, 27, angle) for angle in range(-190, 51, 12)]
    inner = [_polar(50, 32, 12, angle) for angle in range(50, -191, -12)]
    pen.patch([*hook, (58, 58), (58, 70), (42, 70), (42, 50), *inner])
    pen.blob(50, 86, 10)


def _work(pen: Pen) -> None:
    pen.patch([(14, 14), (86, 14), (86, 66), (14, 66)])
    pen.patch([(22, 22), (78, 22), (78, 58), (22, 58)], accent=True)
    pen.line((30, 32), (58, 32))
    pen.line((30, 42), (70, 42))
    pen.patch([(8, 70), (92, 70), (98, 88), (2, 88)])


def _polar(x: float, y: float, radius: float, degrees: float) -> Point:
    angle = math.radians(degrees)
    return (x + radius * math.cos(angle), y + radius * math.sin(angle))


_FIGURES: dict[str, Callable[[Pen], None]] = {
    "开心": _happy,
    "哭泣": _cry,
    "猫咪": _cat,
    "加油": _cheer,
    "晚安": _night,
    "谢谢": _thanks,
    "吃饭": _eat,
    "生气": _angry,
    "爱心": _love,
    "再见": _bye,
    "疑问": _question,
    "工作": _work,
}
