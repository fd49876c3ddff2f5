"""Two independent codes of a picture, by which a copy is known without the picture.

``code`` (64 bits) is the perceptual hash of ``engine.decoding.picture``: the signs of the 8x8
lowest cosine frequencies about their median. ``check`` (256 bits) says of 256 frequencies of the
16x16 lowest, none of which the code looks at or of which it says little, whether they are positive.
A code finds candidates among millions, and its check tells those that met by accident.

Whoever has the picture can turn it every way, whoever made an index can't any more. So an index
holds the codes of pictures as they are, and the views are all on the side of who checks
(``VIEWS``): mirrored, windows (a copy that got a border), and *extensions* (a copy that was
cropped), in which the missing edge is made up of what remains of it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from pipeline.copies.codes import View, plain_boxes
from pipeline.engine.decoding.picture import GREY_SIDE

Greys = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint64]
Checks = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

CHECK_BYTES = 32
_LOW, _MID = 8, 18
_RIM = 0.06
"""Share of the sides that no code looks at, at each edge: a crop of 5% takes nothing from them."""
_PAD = 8
"""Pixels of 64 that an extension reaches beyond the picture at most, on each side."""
_SIDE = GREY_SIDE + 2 * _PAD


_WINDOWS = ((0.905, (0.1, 0.37, 0.63, 0.9)), (0.95, (0.25, 0.75)), (0.86, (0.5,)))
_EXTENSIONS = (
    (1 / 0.975, (0.0, 1.0)),
    (1 / 0.95, (0.0, 0.33, 0.67, 1.0)),
    (1 / 0.9, (0.1, 0.37, 0.63, 0.9)),
)
"""Sizes of windows and of extensions in shares of the sides, and where in the rest they begin."""


def _views() -> tuple[View, ...]:
    plain = [View("own"), View("border")]
    for name, sizes in (("border", _WINDOWS), ("crop", _EXTENSIONS)):
        for size, places in sizes:
            starts = [(1 - size) * place for place in places]
            plain += [View(name, y, y + size, x, x + size) for y in starts for x in starts]
    mirrored = [
        replace(one, name="mirror" if one.name == "own" else f"mirror, {one.name}", mirrored=True)
        for one in plain
    ]
    return (*plain, *mirrored)


VIEWS = _views()
"""How a picture is looked at by who checks; the first is the picture itself."""
_TRIMMED = [place for place, view in enumerate(VIEWS) if place % (len(VIEWS) // 2) == 1]
"""Views of what lies within a picture's own plain border."""


def own_codes(pictures: Greys) -> tuple[Codes, Checks]:
    """Codes and checks of pictures as they are; shape (n, 64, 64) to (n,) and (n, 32)."""
    basis = _bases(np.zeros(1), np.ones(1), _MID)[0]
    low = basis @ padded(pictures) @ basis.T
    return _bits(low[:, :_LOW, :_LOW]), _check_bits(low)


def view_codes(pictures: Greys) -> Codes:
    """Code of each picture (64x64 grey levels) in each of ``VIEWS``; shape (n, views)."""
    around = padded(pictures)
    lines, places = _view_lines()
    whole = lines @ around @ lines.T
    codes = np.empty((len(pictures), len(VIEWS)), np.uint64)
    boxes = plain_boxes(pictures)
    for view, (y, x) in places.items():
        low = whole[:, y : y + _LOW, x : x + _LOW]
        if view in _TRIMMED:
            low = _lows(around, boxes, _LOW)
        codes[:, view] = _bits(low * _sign(_LOW) if VIEWS[view].mirrored else low)
    return codes


def view_boxes(pictures: Greys, views: npt.NDArray[np.int64]) -> Floats:
    """Top, bottom, left and right of the view of each picture; shape (n, 4)."""
    known = np.array([[v.top, v.bottom, v.left, v.right] for v in VIEWS])
    boxes = known[views]
    trimmed = np.isin(views, _TRIMMED)
    if trimmed.any():
        boxes[trimmed] = plain_boxes(pictures[trimmed])
    return boxes


def codes_of(
    pictures: Greys, boxes: Floats, mirrored: npt.NDArray[np.bool_]
) -> tuple[Codes, Checks]:
    """Code and check of each picture within its box."""
    low = _turned(_lows(padded(pictures), boxes, _MID), mirrored)
    return _bits(low[:, :_LOW, :_LOW]), _check_bits(low)


def checks_of(around: Floats, boxes: Floats, mirrored: npt.NDArray[np.bool_]) -> Checks:
    """Check within its box of each picture of ``padded``."""
    return _check_bits(_turned(_lows(around, boxes, _MID), mirrored))


def padded(pictures: Greys) -> Floats:
    """Pictures that go on as their edges are; shape (n, 80, 80)."""
    return np.pad(pictures, ((0, 0), (_PAD, _PAD), (_PAD, _PAD)), mode="edge").astype(np.float64)


def _turned(low: Floats, mirrored: npt.NDArray[np.bool_]) -> Floats:
    low[mirrored] *= _sign(_MID)
    return low


def _check_bits(low: Floats) -> Checks:
    """Signs of the lowest frequencies beyond those of the code; whole numbers, as in the code."""
    flat = np.rint(low[:, _CHECKED[0], _CHECKED[1]])
    return np.packbits(flat > 0, axis=1)


def _checked() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The 256 lowest frequencies without those of the code, lowest first."""
    down, across = np.indices((_MID, _MID))
    free = (down >= _LOW) | (across >= _LOW)
    order = np.lexsort((across[free], down[free], (down**2 + across**2)[free]))[: 8 * CHECK_BYTES]
    return down[free][order], across[free][order]


_CHECKED = _checked()


def _lows(around: Floats, boxes: Floats, count: int) -> Floats:
    down, across = (_bases(boxes[:, a], boxes[:, a + 1], count) for a in (0, 2))
    low: Floats = down @ around @ across.transpose(0, 2, 1)
    return low


@cache
def _view_lines() -> tuple[Floats, dict[int, tuple[int, int]]]:
    parts: dict[tuple[float, float], int] = {}
    places = {}
    for place, view in enumerate(VIEWS):
        y = parts.setdefault((view.top, view.bottom), len(parts) * _LOW)
        x = parts.setdefault((view.left, view.right), len(parts) * _LOW)
        places[place] = y, x
    starts, ends = np.array(list(parts)).T
    return _bases(starts, ends, _LOW).reshape(-1, _SIDE), places


def _bases(starts: Floats, ends: Floats, count: int) -> Floats:
    """Rows of the DCT-II matrix over the core of a part of a padded picture; shape
    (parts, count, 80)."""
    pixels = np.arange(_SIDE)
    rim = _RIM * (ends - starts)
    start, end = (edge[:, None] * GREY_SIDE + _PAD for edge in (starts + rim, ends - rim))
    # A pixel that lies partly within counts as far as it does.
    share = np.clip(np.minimum(pixels + 1, end) - np.maximum(pixels, start), 0, 1)
    middle = (np.maximum(pixels, start) + np.minimum(pixels + 1, end)) / 2
    phase = np.pi * (middle - start) / (end - start)
    waves = np.cos(np.arange(count)[:, None] * phase[:, None]) * share[:, None]
    scaled: Floats = waves * (GREY_SIDE / (end - start))[:, None]
    return scaled


@cache
def _sign(count: int) -> Floats:
    """In a mirror, cosines that are odd about the middle change their sign."""
    return np.where(np.arange(count) % 2, -1.0, 1.0)


def _bits(low: Floats) -> Codes:
    """Which frequencies lie above their median, as in ``picture.perceptual_hash``."""
    flat = np.rint(low.reshape(len(low), _LOW**2))
    middle = np.partition(flat, (31, 32), axis=1)[:, 31:33].sum(axis=1) / 2
    packed = np.packbits(flat > middle[:, None], axis=1)
    return packed.view(">u8").reshape(-1).astype(np.uint64)


def best_guess(codes: Codes, checks: Checks | None) -> Greys:
    """The likeliest picture that codes, and checks where given, allow; shape (n, 64, 64).

    Signs are known and sizes are not: each frequency gets the size that it has in stickers on
    average, which falls with the frequency. It is here to show what an index gives away.
    """
    down, across = np.indices((_MID, _MID))
    size = 1.0 / np.maximum(1.0, np.hypot(down, across))
    low = np.zeros((len(codes), _MID, _MID))
    bits = np.unpackbits(codes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    low[:, :_LOW, :_LOW] = bits.reshape(-1, _LOW, _LOW) * 2.0 - 1
    low[:, 0, 0] = 0
    if checks is not None:
        signs = np.unpackbits(checks, axis=1) * 2.0 - 1
        low[:, _CHECKED[0], _CHECKED[1]] = signs[:, : len(_CHECKED[0])]
    basis = _bases(np.zeros(1), np.ones(1), _MID)[0][:, _PAD:-_PAD]
    drawn = basis.T @ (low * size) @ basis
    spread = np.abs(drawn).max(axis=(1, 2), keepdims=True)
    return np.asarray(127.5 + 127.5 * drawn / np.maximum(spread, 1e-9), np.uint8)
