"""A trained network on many stickers: on a GPU all of their crops in batches, else one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.machine.efficientnet.model import logits
from annotation.machine.efficientnet.views import Sizing, covering_crops, decode, normalise
from pipeline.engine.compute import compute_in_float32
from pipeline.engine.errors import StickerworksError
from pipeline.engine.full_batches import FullBatches

_AT_ONCE = 128


@dataclass(frozen=True)
class Prepared:
    """A sticker's crops (n, 3, side, side) of all its key frames, and its plain statistics."""

    crops: NDArray[np.float32]
    statistics: NDArray[np.float32]


def prepare(jpegs: Sequence[bytes], statistics: Any, sizing: Sizing) -> Prepared:
    """What the network sees of a sticker; OSError or ValueError where a frame can't be decoded."""
    crops = np.concatenate([covering_crops(decode(jpeg), sizing) for jpeg in jpegs])
    return Prepared(normalise(crops, sizing), np.asarray(statistics, dtype=np.float32))


class Scorer:
    """Log-odds of real of each sticker: the mean over its crops.

    On the CPU a sticker is a batch of its own. On a GPU crops of many stickers make up batches of
    ``at_once``, filled up with zeros, so that what is computed of a crop depends on nothing beside
    it; where its memory doesn't suffice, half as many are taken from then on.
    """

    def __init__(self, model: Any, device: str, at_once: int | None = None) -> None:
        compute_in_float32()
        self._model, self._device = model.to(device), device
        size = at_once or (None if device == "cpu" else _AT_ONCE)
        self._batches = size and FullBatches(
            size,
            "domain",
            StickerworksError(
                "The GPU has too little memory for one crop of a sticker.",
                "Free some of it, or hide it: CUDA_VISIBLE_DEVICES= stickerworks annotate.",
            ),
        )

    def __call__(self, stickers: Sequence[Prepared]) -> list[float]:
        if not self._batches:
            return [float(self._run(one.crops, _rows(one)).mean()) for one in stickers]
        crops = np.concatenate([one.crops for one in stickers])
        statistics = np.concatenate([_rows(one) for one in stickers])
        odds = np.concatenate(self._batches.each((crops, statistics), self._run))
        ends = np.cumsum([len(one.crops) for one in stickers])
        return [float(part.mean()) for part in np.split(odds, ends[:-1])]

    def _run(
        self, crops: NDArray[np.float32], statistics: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        import torch

        given = (torch.from_numpy(array).to(self._device) for array in (crops, statistics))
        with torch.inference_mode():
            odds: NDArray[np.float64] = logits(self._model, *given).double().cpu().numpy()
        return odds


def _rows(sticker: Prepared) -> NDArray[np.float32]:
    """The statistics, once for each crop."""
    return np.repeat(sticker.statistics[None], len(sticker.crops), axis=0)
