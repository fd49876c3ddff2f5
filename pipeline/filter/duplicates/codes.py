"""64-bit codes by which copies of a sticker are found: of pictures, their mirror images, windows.

A code is the perceptual hash of a *view*. A copy that was cropped looks like a window of the
original, one that got a border holds the original in a window of its own, a mirrored one looks
like the original's mirror image. So stickers are related only if a code of the one lies within a
few bits of a code of the other in one of these three ways (``sticker_codes``):

* ``own`` to ``own`` or ``derived``, where both are stills or both are animations: copies;
* ``own`` of a still to ``frames`` of an animation: a still taken from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
CODE_COLUMNS = ["animated", "grey64", "mean64", "frame_hashes"]
"""Columns of ``signals`` that codes are made of."""

_LOW = 8
_STICKERS = 256
"""Stickers whose codes are computed in one go."""


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


@dataclass(frozen=True)
class View:
    """How a picture is looked at: the part in it (shares of its sides), and whether mirrored."""

    name: str
    top: float = 0.0
    bottom: float = 1.0
    left: float = 0.0
    right: float = 1.0
    mirrored: bool = False


_WINDOWS = [
    (size, place / 2 * (1 - size)) for size, places in ((0.9, (0, 1, 2)), (0.95, (1,)))
    for place in places
]  # fmt: skip
VIEWS: tuple[View, ...] = (
    View("own"),
    View("trimmed"),
    View("mirror", mirrored=True),
    *(
        View("window", top, top + tall, left, left + tall)
        for tall, top in _WINDOWS
        for wide, left in _WINDOWS
        if tall == wide
    ),
)
"""All views; the part that ``trimmed`` shows is each picture's own: all but its plain border."""


def sticker_codes(signals: pa.Table) -> StickerCodes:
    """Codes of the rows of ``signals`` (columns ``CODE_COLUMNS``); rows that lack them have none.

    A row's codes depend on that row alone. Views of an animation are those of its mean picture.
    """
    raise NotImplementedError
