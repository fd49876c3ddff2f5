"""Where to begin to lay one picture over another, from the view in which their hashes met."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.copies.codes import VIEWS, plain_boxes
from pipeline.copies.registration import Greys, Maps, halved, overlay

Ints = npt.NDArray[np.int64]
Boxes = npt.NDArray[np.float64]

_BOXES = np.array([[view.top, view.bottom, view.left, view.right] for view in VIEWS])


def first_maps(looks: Greys, pairs: Ints, views: Ints) -> tuple[Maps, npt.NDArray[np.float64]]:
    """The best of a few maps for each pair, and its misfit (mean difference in grey levels).

    ``pairs`` (shape (2, pairs)) are places in ``looks``. ``views`` doesn't say of which of the two
    it is. Tried are the view of the one and of the other, each against the whole of its
    counterpart and against all but its plain border, and what lies within both borders.
    """
    view = _BOXES[views]
    whole = np.broadcast_to(_BOXES[0], view.shape)
    ours, theirs = plain_boxes(looks.astype(np.uint8))[pairs]
    tried = [
        _map(one, other)
        for one, other in (
            (whole, view), (view, whole), (ours, theirs), (ours, view), (view, theirs),
        )
    ]  # fmt: skip
    half = halved(looks)
    misfits = np.full((len(tried), len(views)), np.inf)
    for place, maps in enumerate(tried):
        known = [(maps == earlier).all(axis=1) for earlier in tried[:place]]
        new = np.flatnonzero(~np.any(known, axis=0)) if known else np.arange(len(views))
        misfits[place, new] = _misfit(half[pairs[0, new]], half[pairs[1, new]], maps[new])
    best = misfits.argmin(axis=0)
    found: Maps = np.stack(tried)[best, np.arange(len(views))]
    return found, misfits[best, np.arange(len(views))]


def _map(ones: Boxes, others: Boxes) -> Maps:
    """Maps from points of the one to the same points of the other."""
    down = (others[:, 1] - others[:, 0]) / (ones[:, 1] - ones[:, 0])
    across = (others[:, 3] - others[:, 2]) / (ones[:, 3] - ones[:, 2])
    shifts = others[:, 0] - down * ones[:, 0], others[:, 2] - across * ones[:, 2]
    return np.stack([down, shifts[0], across, shifts[1]], axis=1)


def _misfit(ones: Greys, others: Greys, maps: Maps) -> npt.NDArray[np.float64]:
    """Mean difference of what both show; none that shows too little."""
    seen, within = overlay(others, maps)
    shown = within.sum(axis=(1, 2))
    gaps = (np.abs(ones - seen) * within).sum(axis=(1, 2)) / np.maximum(1, shown)
    return np.where(shown < ones.shape[1] ** 2 / 2, np.inf, gaps)
