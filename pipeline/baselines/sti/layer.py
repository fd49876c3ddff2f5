"""The Spatial Temporal Interaction layer, in place of a temporal layer or beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Position = Literal["none", "sinusoidal"]


@dataclass(frozen=True)
class StiShape:
    """What the STI layers of a network share.

    ``gamma`` is how many pixels a side one token of the semantic branch covers, ``kernel`` (odd)
    how many frames the detail branch sees; heads are ``head_dim`` wide.
    """

    gamma: int = 2
    kernel: int = 3
    head_dim: int = 64
    groups: int = 32
    position: Position = "none"


class StiLayer(nn.Module):
    """Semantic interaction and detail preservation, weighed and added to what came in.

    ``hidden_states`` (B F, C, H, W), frames of a clip side by side, keep their shape (VSD2M,
    section "STI Layer for Discrete Sticker Generation"). Both weights start at 0, so that a new
    layer changes nothing; the paper doesn't say how they start, nor gamma, k, the normalisation
    and the way of resizing: it's a GroupNorm of each frame, a mean, and nearest neighbours here.
    """

    def __init__(self, channels: int, shape: StiShape) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(shape.groups, channels)
        self.semantic = SemanticInteraction(channels, shape)
        self.detail = nn.Conv3d(
            channels, channels, (shape.kernel, 1, 1), padding=(shape.kernel // 2, 0, 0)
        )
        self.semantic_weight = nn.Parameter(torch.zeros(()))
        self.detail_weight = nn.Parameter(torch.zeros(()))

    def forward(self, hidden_states: Tensor, num_frames: int = 1) -> Tensor:
        return hidden_states + self.change(hidden_states, num_frames)

    def change(self, hidden_states: Tensor, num_frames: int) -> Tensor:
        """What the layer adds."""
        normal = self.norm(hidden_states)
        clips = normal.reshape(-1, num_frames, *normal.shape[1:])
        semantic = self.semantic_weight * self.semantic(clips)
        detail = self.detail_weight * self.detail(clips.transpose(1, 2)).transpose(1, 2)
        changed: Tensor = (semantic + detail).flatten(0, 1)
        return changed


class SemanticInteraction(nn.Module):
    """Self-attention over the regions of all frames: (B, F, C, H, W) to the same shape.

    A region is gamma x gamma pixels, at the right and lower border what is left of it.
    """

    def __init__(self, channels: int, shape: StiShape) -> None:
        super().__init__()
        self.gamma, self.head_dim, self.position = shape.gamma, shape.head_dim, shape.position
        self.query_key_value = nn.Linear(channels, 3 * channels, bias=False)
        self.project = nn.Linear(channels, channels)

    def forward(self, clips: Tensor) -> Tensor:
        batch, frames, channels, height, width = clips.shape
        regions = functional.avg_pool2d(clips.flatten(0, 1), self.gamma, ceil_mode=True)
        rows, columns = regions.shape[2:]
        grid = (frames, rows, columns)
        tokens = regions.reshape(batch, frames, channels, -1).transpose(2, 3).flatten(1, 2)
        if self.position == "sinusoidal":
            tokens = tokens + encode_positions(grid, channels).to(tokens)
        mixed = self.project(self._attend(tokens)).reshape(batch * frames, -1, channels)
        maps = mixed.transpose(1, 2).reshape(-1, channels, rows, columns)
        # Cut to size: scaled to an odd size directly, regions would drift from their pixels.
        pixels = functional.interpolate(maps, scale_factor=float(self.gamma), mode="nearest")
        return pixels[..., :height, :width].reshape(clips.shape)

    def _attend(self, tokens: Tensor) -> Tensor:
        """Self-attention of tokens (B, N, C)."""
        batch, count, channels = tokens.shape
        heads = self.query_key_value(tokens).reshape(batch, count, 3, -1, self.head_dim)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(1, 2).reshape(batch, count, channels)


class StiTransformer(nn.Module):
    """An STI layer that is called like diffusers' ``TransformerTemporalModel``."""

    def __init__(self, channels: int, shape: StiShape) -> None:
        super().__init__()
        self.layer = StiLayer(channels, shape)

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        timestep: Tensor | None = None,
        class_labels: Tensor | None = None,
        num_frames: int = 1,
        cross_attention_kwargs: dict[str, Any] | None = None,
        return_dict: bool = True,
    ) -> Any:
        sample = self.layer(hidden_states, num_frames)
        if not return_dict:
            return (sample,)
        from diffusers.models.transformers.transformer_temporal import (
            TransformerTemporalModelOutput,
        )

        return TransformerTemporalModelOutput(sample=sample)


class MixedLayer(nn.Module):
    """A temporal layer whose output is mixed with what came in, as VideoLDM mixes them.

    ``alpha`` of what came in and 1 - ``alpha`` of what ``temporal`` makes of it; ``alpha`` is
    learnt, within 0 and 1 (VSD2M, "Methodology in Video Generation": parameters that balance 2-D
    and 3-D). VideoLDM would keep its 2-D model by an ``alpha`` of 1, from where a layer that
    starts without effect would never learn: it starts at a half, and the layer's last projection
    at 0. ``sti`` stands beside: what it adds to the same input is added. Called as the blocks of
    diffusers' UNet call a ``TemporalConvLayer`` or a ``TransformerTemporalModel``.
    """

    def __init__(self, temporal: nn.Module, sti: StiLayer | None = None) -> None:
        super().__init__()
        self.temporal, self.sti = temporal, sti
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, hidden_states: Tensor, num_frames: int = 1, **rest: Any) -> Any:
        found = self.temporal(hidden_states, num_frames=num_frames, **rest)
        if isinstance(found, Tensor):
            return self._mix(hidden_states, found, num_frames)
        return (self._mix(hidden_states, found[0], num_frames),)

    def _mix(self, before: Tensor, after: Tensor, num_frames: int) -> Tensor:
        mixed = before + (1 - self.alpha) * (after - before)
        return mixed if self.sti is None else mixed + self.sti.change(before, num_frames)


def encode_positions(grid: tuple[int, ...], channels: int) -> Tensor:
    """Sines and cosines of frame, row and column: (frames rows columns, channels).

    Each axis has a third of the channels, rounded down to pairs; the rest stay 0.
    """
    pairs = channels // (2 * len(grid))
    rates = torch.exp(torch.arange(pairs) * (-math.log(10_000) / max(1, pairs)))
    parts = []
    for axis, size in enumerate(grid):
        angles = torch.arange(size)[:, None] * rates
        shape = [1] * len(grid)
        shape[axis] = size
        waves = torch.cat([angles.sin(), angles.cos()], 1)
        parts.append(waves.reshape(*shape, 2 * pairs).expand(*grid, 2 * pairs))
    flat = torch.cat(parts, -1).flatten(0, -2)
    return functional.pad(flat, (0, channels - flat.shape[1]))
