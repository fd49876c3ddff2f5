"""The one interface of OCR engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from pipeline.engine.options import Options

Bgr = npt.NDArray[np.uint8]
"""An opaque picture; shape (height, width, 3), blue first."""


@dataclass(frozen=True)
class Line:
    """A line of text: its score from 0 to 1 and its corners in pixels as x, y pairs (8 numbers)."""

    text: str
    score: float
    box: tuple[float, ...]


class OcrReader(Protocol):
    """An engine with its models loaded."""

    def read(self, images: Sequence[Bgr]) -> list[list[Line]]:
        """The lines of each picture, in reading order; the same pictures give the same lines."""


def never(options: Any) -> bool:
    """For backends that compute on the CPU alone."""
    return False


@dataclass(frozen=True)
class OcrBackend:
    """A value in the group ``stickerworks.ocr``.

    ``options`` is the model of ``filter.ocr.options``; ``open`` and ``models`` get a value of it.
    ``models`` names what else decides the result (versions, digests of weights) without loading
    it. ``on_gpu`` says whether one reader fills this machine's GPU, so that more worker processes
    would only be in each other's way.
    """

    name: str
    open: Callable[[Any], OcrReader]
    models: Callable[[Any], dict[str, str]]
    options: type[BaseModel] = Options
    on_gpu: Callable[[Any], bool] = never
