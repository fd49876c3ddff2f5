"""Where lines stand: pictures scaled to one number of pixels, the detector, and its boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import cv2
import numpy as np

from pipeline.filter.ocr.backend import Bgr
from pipeline.filter.ocr.rapid.engines import Detector, Floats

Boxes = Floats
"""Corners in pixels of the picture, clockwise from the upper left: (lines, 4, 2)."""

_MOST_ASPECT = 4
MOST_SIDE = 2
"""The longest side that the network sees, in ``side``s: the root of the greatest aspect."""
_STRIDE = 32


class Detection:
    """Finds lines with ``network``; ``side`` is that of the square with as many pixels as a
    picture is scaled to.

    Pictures of one size go through the network together, at most ``batch`` at once.
    """

    def __init__(self, network: Detector, side: int, batch: int = 1) -> None:
        from rapidocr.ch_ppocr_det.utils import DBPostProcess

        self.network, self._side, self._batch = network, side, batch
        # RapidOCR's settings; score_mode "fast" takes the mean over the box.
        self._boxes: Any = DBPostProcess(
            thresh=0.3, box_thresh=0.5, unclip_ratio=1.6, score_mode="fast", use_dilation=True
        )

    def find(self, images: Sequence[Bgr]) -> list[Boxes]:
        """The boxes of each picture, in reading order."""
        found: dict[int, Boxes] = {}
        sizes = [scaled_size(image, self._side) for image in images]
        # One size after the other: an engine has to prepare for each.
        order = sorted(range(len(images)), key=sizes.__getitem__)
        for size, group in groupby(order, key=sizes.__getitem__):
            numbers = list(group)
            for start in range(0, len(numbers), self._batch):
                some = numbers[start : start + self._batch]
                maps = self.network.run(normalised([squarer(images[n]) for n in some], size))
                for number, heat in zip(some, maps, strict=True):
                    found[number] = self._read_map(heat, images[number])
        return [found[number] for number in range(len(images))]

    def _read_map(self, heat: Floats, image: Bgr) -> Boxes:
        from rapidocr.ch_ppocr_det import TextDetector

        height, width = image.shape[:2]
        boxes, _ = self._boxes(heat[None], squarer(image).shape[:2])
        if not len(boxes):
            return np.zeros((0, 4, 2), np.float32)
        ordered: Boxes = TextDetector.sorted_boxes(boxes)
        # Lines may reach into what was added to a thin picture.
        return ordered.clip(0, (width - 1, height - 1)).astype(np.float32)


def scaled_size(image: Bgr, side: int) -> tuple[int, int]:
    """Height and width for the network: the aspect kept but for rounding, side² pixels."""
    height, width = squarer(image).shape[:2]
    scale = side / math.sqrt(height * width)
    return _rounded(height * scale), _rounded(width * scale)


def squarer(image: Bgr) -> Bgr:
    """The picture with white below or beside it where one side is over four times the other.

    A thin picture would be scaled until its longer side takes gigabytes, or the shorter holds
    nothing that can be read.
    """
    least = -(-max(image.shape[:2]) // _MOST_ASPECT)
    below, beside = (max(0, least - side) for side in image.shape[:2])
    if not below and not beside:
        return image
    return np.pad(image, ((0, below), (0, beside), (0, 0)), constant_values=255)


def normalised(images: Sequence[Bgr], size: tuple[int, int]) -> Floats:
    """Pictures scaled to ``size`` (height, width), as (n, 3, height, width) from -1 to 1."""
    height, width = size
    scaled = [cv2.resize(image, (width, height)) for image in images]
    batch = cv2.dnn.blobFromImages(scaled, 1 / 127.5, (width, height), (127.5,) * 3)
    return np.asarray(batch, np.float32)


def _rounded(side: float) -> int:
    return max(_STRIDE, round(side / _STRIDE) * _STRIDE)
