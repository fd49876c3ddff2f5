"""What Table 3 puts in the place of local re-attention: attention that is learnt directly.

The paper only names the three; spatial and channel attention are those of CBAM.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_REDUCTION = 16
_HEAD_WIDTH = 32


class SpatialAttention(nn.Module):
    """Weigh the cells of patch embeddings (B, grid * grid, C) by mean and maximum of channels."""

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.weigh = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, embedded: Tensor) -> Tensor:
        seen = torch.stack([embedded.mean(-1), embedded.amax(-1)], 1)
        square = seen.reshape(-1, 2, self.grid, self.grid)
        weights: Tensor = self.weigh(square).sigmoid()
        return embedded * weights.flatten(1).unsqueeze(-1)


class ChannelAttention(nn.Module):
    """Weigh the channels of patch embeddings (B, n, C) by mean and maximum over cells."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(4, channels // _REDUCTION)
        self.weigh = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )

    def forward(self, embedded: Tensor) -> Tensor:
        weights: Tensor = self.weigh(embedded.mean(1)) + self.weigh(embedded.amax(1))
        return embedded * weights.sigmoid().unsqueeze(1)


class SelfAttention(nn.Module):
    """Add to patch embeddings (B, n, C) what multi-head attention over all n gives each."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // _HEAD_WIDTH)
        self.norm = nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)
        self.register_load_state_dict_pre_hook(_rename_layers)  # type: ignore[no-untyped-call]

    def forward(self, embedded: Tensor) -> Tensor:
        rows, cells, _ = embedded.shape
        heads = self.query_key_value(self.norm(embedded)).reshape(rows, cells, 3, self.heads, -1)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        residual: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return embedded + residual


def _rename_layers(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Runs trained before the layers had these names stay loadable."""
    for old, new in (("ask.", "query_key_value."), ("answer.", "output.")):
        for name in [name for name in state if name.startswith(prefix + old)]:
            state[name.replace(prefix + old, prefix + new, 1)] = state.pop(name)
