"""Batches for a GPU: all of one size, and halved where its memory doesn't suffice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.compute import is_out_of_memory
from pipeline.engine.errors import StickerworksError

log = logging.getLogger(__name__)


class FullBatches:
    """How many rows go through a network together: ``size``, halved when the memory is full.

    What is computed of a row depends on nothing beside it: batches are filled up with zeros, since
    other kernels compute one of another size, and in other bits. ``what`` is told where memory runs
    short ("OCR"), and ``too_small`` is raised where it doesn't suffice for a single row.
    """

    def __init__(self, size: int, what: str, too_small: StickerworksError) -> None:
        self.size = size
        self._what, self._too_small = what, too_small

    def each(self, rows: tuple[NDArray[Any], ...], run: Callable[..., Any]) -> list[Any]:
        """What ``run`` gives for each part of ``rows`` (arrays of one length), an array or a tuple
        of arrays, without what parts were filled up with."""
        made: list[Any] = []
        start, length = 0, len(rows[0])
        while start < length:
            parts = [array[start : start + self.size] for array in rows]
            try:
                found = run(*(_filled(part, self.size) for part in parts))
            # Engines say in exceptions of their own that a GPU is full.
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)
                continue
            made.append(_cut(found, len(parts[0])))
            start += len(parts[0])
        return made

    def _halve(self, error: Exception) -> None:
        if self.size == 1:
            raise self._too_small from error
        self.size //= 2
        log.warning(
            "The GPU is out of memory: %s goes on with batches of %d.", self._what, self.size
        )


def _filled(part: NDArray[Any], size: int) -> NDArray[Any]:
    lacking = size - len(part)
    return np.pad(part, [(0, lacking), *[(0, 0)] * (part.ndim - 1)]) if lacking else part


def _cut(found: Any, count: int) -> Any:
    if isinstance(found, tuple):
        return tuple(one[:count] for one in found)
    return found[:count]
