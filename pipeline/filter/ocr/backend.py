"""The one interface of OCR engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Bgr = npt.NDArray[np.uint8]
"""An opaque picture; shape (height, width, 3), blue first."""


@dataclass(frozen=True)
class Line:
    """A line of text: its score from 0 to 1 and its corners in pixels as x, y pairs (8 numbers)."""

    text: str
    score: float
    box: tuple[float, ...]


class OcrBackend(Protocol):
    """An engine with its models loaded."""

    def read(self, images: Sequence[Bgr]) -> list[list[Line]]:
        """The lines of each picture, in reading order; the same pictures give the same lines."""


@dataclass(frozen=True)
class OcrPlugin:
    """An entry point of stickerworks.ocr: ``open`` and ``models`` take ``filter.ocr.options``.

    ``models`` names what else decides the result (versions, digests of weights) without loading
    it. Both raise StickerworksError for options that they don't know.
    """

    open: Callable[[Mapping[str, Any]], OcrBackend]
    models: Callable[[Mapping[str, Any]], dict[str, str]]
