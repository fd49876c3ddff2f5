"""What a frozen BERT gives MGHFT: one vector for each of a sticker's four views (section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from pipeline.baselines.mghft.config import VIEWS
from pipeline.engine.errors import StickerworksError


def view_texts(views: Sequence[str], mode: Literal["per_view", "concat"]) -> tuple[str, ...]:
    """The four texts to encode, lower case: each view's own, or all views as one, four times.

    Raises StickerworksError unless there is one text for each of ``VIEWS``.
    """
    if len(views) != len(VIEWS):
        raise StickerworksError(
            f"MGHFT got {len(views)} texts for a sticker.", f"Give {', '.join(VIEWS)}, in order."
        )
    texts = tuple(" ".join(view.split()).lower() for view in views)
    return texts if mode == "per_view" else (" ".join(texts),) * len(VIEWS)


def pool_layers(
    layers: Sequence[Tensor], mask: Tensor, pool: Literal["masked", "all"] = "masked"
) -> Tensor:
    """Mean of an encoder's last four layers, averaged over tokens: (B, T, D) each to (B, D).

    ``mask`` (B, T) is 1 for tokens and 0 for padding; ``pool="all"`` averages padding too, as the
    released code does. A text without tokens gives zeros.
    """
    mean = torch.stack(list(layers[-4:])).mean(0)
    if pool == "all":
        return mean.mean(1)
    weights = mask.to(mean.dtype).unsqueeze(-1)
    return (mean * weights).sum(1) / weights.sum(1).clamp(min=1)
