"""What lines say: lines of like width together, whichever picture they stand in."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from pipeline.filter.ocr.backend import Bgr
from pipeline.filter.ocr.rapid.detection import normalised
from pipeline.filter.ocr.rapid.engines import Floats, Recogniser

HEIGHT = 48
WIDTHS = (48, 64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048)
"""Widths that the network sees; a line is filled up with grey to the next."""


class Recognition:
    """Reads lines with ``network``, whose classes are a blank, ``characters`` and a space.

    The width that a line is filled up to depends on the line alone, never on those beside it.
    ``batch`` lines at most go through the network together. On a CPU that is one: more are hardly
    faster there, and in bfloat16 other bits come out.
    """

    def __init__(self, network: Recogniser, characters: list[str], batch: int = 1) -> None:
        from rapidocr.ch_ppocr_rec.utils import CTCLabelDecode

        self.network, self._batch = network, batch
        self._decoder: Any = CTCLabelDecode(character=list(characters))

    def read(self, lines: Sequence[Bgr]) -> list[tuple[str, float]]:
        """Text and score of each line."""
        found: dict[int, tuple[str, float]] = {}
        widths = [bucket(line) for line in lines]
        order = sorted(range(len(lines)), key=widths.__getitem__)
        for width, group in groupby(order, key=widths.__getitem__):
            same = list(group)
            for start in range(0, len(same), self._batch):
                numbers = same[start : start + self._batch]
                batch = np.concatenate([_filled(lines[number], width) for number in numbers])
                found |= dict(zip(numbers, self._texts(batch), strict=True))
        return [found[number] for number in range(len(lines))]

    def _texts(self, batch: Floats) -> list[tuple[str, float]]:
        index, probability = self.network.best(batch)
        texts, _ = self._decoder.decode(index, probability, remove_duplicate=True)
        return [(text, float(score)) for text, score in texts]


def bucket(line: Bgr) -> int:
    """The width that the network sees of a line, which is squeezed only beyond the greatest."""
    return WIDTHS[min(bisect.bisect_left(WIDTHS, _natural(line)), len(WIDTHS) - 1)]


def _natural(line: Bgr) -> int:
    height, width = line.shape[:2]
    return max(1, math.ceil(HEIGHT * width / height))


def _filled(line: Bgr, width: int) -> Floats:
    own = min(_natural(line), width)
    filled = np.zeros((1, 3, HEIGHT, width), np.float32)
    filled[:, :, :, :own] = normalised([line], (HEIGHT, own))
    return filled
