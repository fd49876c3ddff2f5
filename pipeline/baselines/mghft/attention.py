"""Where MGHFT looks: the scores that choose its local tokens, as heat maps (Figure 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.baselines.mghft.backbone import StageOutput
from pipeline.baselines.mghft.model import Mghft


def attention_maps(model: Mghft, images: Tensor) -> tuple[NDArray[np.float32], ...]:
    """Where CLS looks: for each stage (B, heads, h, w) of weights that sum to 1 over h x w.

    These are the scores that choose local tokens. Text plays no part in them.
    """
    return tuple(part.float().cpu().numpy() for part in _shares(model, _stages(model, images)))


def heat_maps(model: Mghft, images: Tensor) -> dict[str, Tensor]:
    """Maps (B, h, w) by name, each image's stretched from 0 to 1; empty if its patches are alike.

    A stage's is the mean over heads of where its CLS looks. ``last block`` is how much each patch
    of stage 4 is looked at by all its tokens, heads and tokens alike, as in Figure 7.
    """
    stages = _stages(model, images)
    maps = {
        f"stage {number}": shares.mean(1)
        for number, shares in enumerate(_shares(model, stages), start=1)
    }
    query, key = stages[-1].attention[-1]
    weights = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1)
    maps["last block"] = weights.mean((1, 2))[:, 1:].reshape(-1, *stages[-1].grid)
    return {name: _stretch(heat) for name, heat in maps.items()}


def _stages(model: Mghft, images: Tensor) -> list[StageOutput]:
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            stages: list[StageOutput] = model.backbone(images)
            return stages
    finally:
        model.train(was_training)


def _shares(model: Mghft, stages: Sequence[StageOutput]) -> list[Tensor]:
    maps = []
    for index, stage in enumerate(stages):
        scores = model.score(stage.attention, index < 3)
        shares = scores / scores.sum(-1, keepdim=True)
        maps.append(shares.reshape(*shares.shape[:2], *stage.grid))
    return maps


def _stretch(heat: Tensor) -> Tensor:
    low, high = heat.amin((1, 2), keepdim=True), heat.amax((1, 2), keepdim=True)
    # Smaller differences are rounding, which a picture must not show.
    differ = high - low > 8 * torch.finfo(heat.dtype).eps * high
    return torch.where(differ, (heat - low) / (high - low), 0.0)
