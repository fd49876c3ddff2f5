"""64-bit codes by which copies of a sticker are found: of pictures, their mirror images, windows.

A code is the perceptual hash of a *view*. A copy that was cropped looks like a window of the
original, one that got a border holds the original in a window of its own, a mirrored one looks
like the original's mirror image. So stickers are related only if a code of the one lies within a
few bits of a code of the other in one of these three ways (``sticker_codes``):

* ``own`` to ``own`` or ``derived``, where both are stills or both are animations: copies;
* ``own`` of a still to ``frames`` of an animation: a still taken from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.decoding.picture import GREY_SIDE

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
CODE_COLUMNS = ["animated", "grey64", "mean64", "frame_hashes"]
"""Columns of ``signals`` that codes are made of."""

_LOW = 8
_STICKERS = 256
"""Stickers whose codes are computed in one go."""
_PLAIN, _LEAST = 16, 16
"""Grey levels within which a border is plain; the pixels of 64 that it must leave."""


@dataclass(frozen=True)
class View:
    """How a picture is looked at: the part in it (shares of its sides; an extension reaches beyond
    them), and whether mirrored."""

    name: str
    top: float = 0.0
    bottom: float = 1.0
    left: float = 0.0
    right: float = 1.0
    mirrored: bool = False


_SIZES = ((0.905, (0.1, 0.37, 0.63, 0.9)), (0.95, (0.25, 0.75)), (0.86, (0.5,)))
"""Shares of the sides that windows keep, and where in what remains they lie. Measured: of copies
cropped by 5% and 10% anywhere, 97% lie within 6 bits of one of these. The last is a
picture's place within a border."""
VIEWS: tuple[View, ...] = (
    View("own"),
    View("trimmed"),
    View("mirror", mirrored=True),
    *(
        View("window", (1 - size) * y, (1 - size) * y + size, (1 - size) * x, (1 - size) * x + size)
        for size, places in _SIZES
        for y in places
        for x in places
    ),
)
_OWN, _TRIMMED = 0, 1
"""All views; the part that ``trimmed`` shows is each picture's own: all but its plain border."""


@dataclass(frozen=True)
class Codes:
    """Codes of stickers: ``sticker`` is a row of the given table, ``view`` a place in ``VIEWS``."""

    sticker: Ints
    code: npt.NDArray[np.uint64]
    view: Ints


@dataclass(frozen=True)
class StickerCodes:
    """What is searched: ``own`` against ``own`` and ``derived``, stills' ``own`` in ``frames``."""

    own: Codes
    derived: Codes
    frames: Codes


def sticker_codes(signals: pa.Table) -> StickerCodes:
    """Codes of the rows of ``signals`` (columns ``CODE_COLUMNS``); rows that lack them have none.

    A row's codes depend on that row alone. Views of an animation are those of its mean picture.
    """
    looks = pc.coalesce(signals["mean64"], signals["grey64"])
    rows = np.flatnonzero(looks.is_valid().to_numpy())
    codes = np.empty((len(rows), len(VIEWS)), np.uint64)
    for start in range(0, len(rows), _STICKERS):
        some = looks.take(pa.array(rows[start : start + _STICKERS])).to_pylist()
        codes[start : start + len(some)] = view_codes(greys(some))
    # A view that shows what the picture itself does finds nothing more.
    differs = codes != codes[:, :1]
    differs[:, _OWN] = True
    own = differs & (np.arange(len(VIEWS)) <= _TRIMMED)
    return StickerCodes(
        own=_chosen(rows, codes, own),
        derived=_chosen(rows, codes, differs & ~own),
        frames=_frames(signals["frame_hashes"]),
    )


def greys(levels: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    """64x64 grey levels as in ``signals``; shape (pictures, 64, 64)."""
    return np.frombuffer(b"".join(levels), np.uint8).reshape(-1, GREY_SIDE, GREY_SIDE)


def _chosen(rows: Ints, codes: npt.NDArray[np.uint64], chosen: npt.NDArray[np.bool_]) -> Codes:
    place, view = np.nonzero(chosen)
    return Codes(rows[place], codes[place, view], view)


def _frames(hashes: pa.ChunkedArray) -> Codes:
    sticker = np.asarray(pc.list_parent_indices(hashes), np.int64)
    joined = b"".join(pc.list_flatten(hashes).to_pylist())
    code = np.frombuffer(joined, ">u8").astype(np.uint64)
    return Codes(sticker, code, np.full(len(code), _OWN))


def view_codes(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Code of each picture (64x64 grey levels) in each of ``VIEWS``; shape (pictures, views)."""
    wide = pictures.astype(np.float64)
    codes = np.empty((len(pictures), len(VIEWS)), np.uint64)
    boxes = plain_boxes(pictures)
    basis = _bases(boxes[:, 0], boxes[:, 1]), _bases(boxes[:, 2], boxes[:, 3])
    trimmed = basis[0] @ wide @ basis[1].transpose(0, 2, 1)
    codes[:, _TRIMMED] = _bits(trimmed)
    lines, places = _window_bases()
    # All parts across all others at once: what two views share is computed once.
    whole = lines @ wide @ lines.T
    for view, (y, x) in places.items():
        low = whole[:, y : y + _LOW, x : x + _LOW]
        codes[:, view] = _bits(low * _MIRRORED if VIEWS[view].mirrored else low)
    return codes


_MIRRORED = np.where(np.arange(_LOW) % 2, -1.0, 1.0)
"""In a mirror, cosines that are odd about the middle change their sign."""


def plain_boxes(pictures: npt.NDArray[np.uint8]) -> Floats:
    """Top, bottom, left, right of what lies within each picture's plain border, in shares.

    The whole picture where it has no plain border, or too little within it.
    """
    levels = pictures.astype(np.float64)
    off = np.abs(levels - levels[:, :1, :1])
    box = np.tile(np.array([0.0, 1.0, 0.0, 1.0]), (len(pictures), 1))
    every = np.arange(len(pictures))
    for first, axis in ((0, 2), (2, 1)):
        busy = (off > _PLAIN).sum(axis=axis) > 1
        start = busy.argmax(axis=1)
        end = GREY_SIDE - 1 - busy[:, ::-1].argmax(axis=1)
        enough = busy.any(axis=1) & (end - start >= _LEAST)
        # How far a border reaches into a line of pixels shows in how much of the next it lacks.
        much = np.where(off > _PLAIN / 4, off, 0).sum(axis=axis)
        within = np.minimum(start + 1, GREY_SIDE - 1), np.maximum(end - 1, 0)
        share = [
            np.clip(much[every, line] / np.maximum(1, much[every, inner]), 0, 1)
            for line, inner in zip((start, end), within, strict=True)
        ]
        top = np.where(start > 0, start + 1 - share[0], 0) / GREY_SIDE
        bottom = np.where(end < GREY_SIDE - 1, end + share[1], GREY_SIDE) / GREY_SIDE
        box[:, first] = np.where(enough, top, 0)
        box[:, first + 1] = np.where(enough, bottom, 1)
    return box


def _bases(starts: Floats, ends: Floats) -> Floats:
    """Rows of the DCT-II matrix stretched over a part of 64 pixels; shape (parts, 8, 64)."""
    pixels = np.arange(GREY_SIDE)
    start, end = starts[:, None] * GREY_SIDE, ends[:, None] * GREY_SIDE
    # A pixel that lies partly within counts as far as it does.
    share = np.clip(np.minimum(pixels + 1, end) - np.maximum(pixels, start), 0, 1)
    middle = (np.maximum(pixels, start) + np.minimum(pixels + 1, end)) / 2
    phase = np.pi * (middle - start) / (end - start)
    basis: Floats = np.cos(np.arange(_LOW)[:, None] * phase[:, None]) * share[:, None]
    # The scale of the whole picture's, so that what is absent rounds to 0 there as here.
    return basis * (GREY_SIDE / (end - start))[:, None]


@cache
def _window_bases() -> tuple[Floats, dict[int, tuple[int, int]]]:
    """All different parts' bases one below the other, and where those of each view begin."""
    parts: dict[tuple[float, float], int] = {}
    places = {}
    for place, view in enumerate(VIEWS):
        if view.name != "trimmed":
            y = parts.setdefault((view.top, view.bottom), len(parts) * _LOW)
            x = parts.setdefault((view.left, view.right), len(parts) * _LOW)
            places[place] = y, x
    starts, ends = np.array(list(parts)).T
    return _bases(starts, ends).reshape(-1, GREY_SIDE), places


def _bits(low: Floats) -> npt.NDArray[np.uint64]:
    """Which frequencies lie above their median, as in ``picture.perceptual_hash``."""
    # Whole numbers, since frequencies that are absent differ from 0 by an accident of summing.
    flat = np.rint(low.reshape(len(low), _LOW**2))
    middle = np.partition(flat, (31, 32), axis=1)[:, 31:33].sum(axis=1) / 2
    packed = np.packbits(flat > middle[:, None], axis=1)
    return packed.view(">u8").reshape(-1).astype(np.uint64)
