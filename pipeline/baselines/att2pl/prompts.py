"""Soft prompts: descriptions of four attributes before the image's patches (section 4.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.baselines.att2pl.config import ATTRIBUTES, Att2plConfig
from pipeline.engine.errors import StickerworksError


class Prompted(nn.Module):
    """H = [CLS] S_1 .. S_4 h [SEP] (Eq. 1): (B, N + 6, width) from text features and h.

    S_k is the text feature of description k plus P_k, which is learnt and starts at 0: a
    description is its sticker's own, so it can't be the start of one shared parameter. Features
    (B, 4, text width), in the order of ``ATTRIBUTES``, and h (B, N, D) are projected where they
    are not ``width`` wide. Without prompts the four tokens are left out. Raises StickerworksError
    for features of another shape.
    """

    def __init__(self, config: Att2plConfig, width: int) -> None:
        super().__init__()
        self.text_dim = config.text_dim
        self.cls = nn.Parameter(0.02 * torch.randn(width))
        self.sep = nn.Parameter(0.02 * torch.randn(width))
        self.image_in = _fit(config.width, width)
        self.learnt: nn.Parameter | None = None
        if config.prompt:
            self.learnt = nn.Parameter(torch.zeros(len(ATTRIBUTES), config.text_dim))
            self.text_in = _fit(config.text_dim, width)

    def forward(self, text: Tensor, hidden: Tensor) -> Tensor:
        rows = len(hidden)
        tokens = [self.cls.expand(rows, 1, -1)]
        if self.learnt is not None:
            expected = (rows, *self.learnt.shape)
            if tuple(text.shape) != expected:
                raise StickerworksError(
                    f"Att2PL got text features of shape {tuple(text.shape)}.",
                    f"Give rows x {', '.join(ATTRIBUTES)} x width: {expected}.",
                )
            tokens.append(self.text_in(text + self.learnt))
        return torch.cat([*tokens, self.image_in(hidden), self.sep.expand(rows, 1, -1)], 1)


def _fit(before: int, after: int) -> nn.Module:
    return nn.Identity() if before == after else nn.Linear(before, after)
