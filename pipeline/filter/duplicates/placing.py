"""Where to begin to lay one picture over another, from the view in which their hashes met."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.filter.duplicates.codes import VIEWS, plain_boxes
from pipeline.filter.duplicates.registration import Greys, Maps, overlay

Ints = npt.NDArray[np.int64]
Boxes = npt.NDArray[np.float64]

_BOXES = np.array([[view.top, view.bottom, view.left, view.right] for view in VIEWS])


def first_maps(ones: Greys, others: Greys, views: Ints) -> tuple[Maps, npt.NDArray[np.float64]]:
    """The best of a few maps for each pair, and its misfit (mean difference in grey levels).

    ``views`` doesn't say of which of the two it is. Tried are the view of the one and of the
    other, each against the whole of its counterpart and against all but its plain border, and what
    lies within both borders.
    """
    whole = np.broadcast_to(_BOXES[0], (len(ones), 4))
    view = _BOXES[views]
    ours, theirs = plain_boxes(ones.astype(np.uint8)), plain_boxes(others.astype(np.uint8))
    tried = [
        _map(one, other)
        for one, other in (
            (whole, view), (view, whole), (ours, theirs), (ours, view), (view, theirs),
        )
    ]  # fmt: skip
    half = _halved(ones), _halved(others)
    misfits = np.stack([_misfit(*half, maps) for maps in tried])
    best = misfits.argmin(axis=0)
    found: Maps = np.stack(tried)[best, np.arange(len(ones))]
    return found, misfits[best, np.arange(len(ones))]


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
    return np.where(shown < within[0].size / 2, np.inf, gaps)


def _halved(pictures: Greys) -> Greys:
    side = pictures.shape[1] // 2
    halved: Greys = pictures.reshape(-1, side, 2, side, 2).mean(axis=(2, 4))
    return halved
