"""The chain of attention maps as the paper and the released code define it, N x N maps and all."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def naive_scores(attention: Sequence[tuple[Tensor, Tensor]], reduced: bool) -> Tensor:
    """CLS row of the chained maps, (B, heads, N), by whole matrix products."""
    with torch.no_grad():
        maps = [
            (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1)
            for query, key in attention
        ]
        return chain_maps(maps, reduced)[..., 0, 1:]


def chain_maps(maps: Sequence[Tensor], reduced: bool) -> Tensor:
    """A1 A0^T, then A_i^T X for even i and A_i X for odd i; the plain product when not reduced."""
    chained = maps[0].transpose(-2, -1) if reduced else maps[0]
    for index, current in enumerate(maps[1:], start=1):
        factor = current.transpose(-2, -1) if reduced and index % 2 == 0 else current
        chained = factor @ chained
    return chained
