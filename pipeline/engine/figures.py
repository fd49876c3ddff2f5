"""Figures as people read them: shares in per cent, losses and distances as they are."""

from __future__ import annotations

import math
from collections.abc import Iterable

# Words in the names of losses, distances, scores of a scale of their own, and counts.
_NO_SHARES = ("FVD", "VQA", "loss", "true ")
_TITLES = {
    "map": "mAP",
    "loss": "training loss",
    "validation_loss": "validation loss",
    "denoising_loss": "validation denoising loss",
}


def is_share(name: str, values: Iterable[float] = ()) -> bool:
    """Whether a figure of that name, with those values, is a share: 0 to 1, told in per cent."""
    if any(word in name for word in _NO_SHARES):
        return False
    return not any(value < 0 or value > 1 for value in values)  # NaN, no figure, is neither


def title_of(name: str) -> str:
    """What people call the figure that curves and metrics hold under ``name``."""
    return _TITLES.get(name, name)


def tell(value: float, share: bool) -> str:
    """A figure with its unit; NaN is none."""
    if math.isnan(value):
        return "none"
    return f"{100 * value:.2f}%" if share else f"{value:.4g}"


def points(value: float, share: bool) -> str:
    """A difference of two figures with its unit: per cent are apart by points."""
    return f"{100 * value:.2f} points" if share else f"{value:.4g}"
