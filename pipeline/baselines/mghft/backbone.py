"""PVT-small (v1) with a CLS token in every stage: the eyes of MGHFT (section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from pipeline.baselines.mghft.config import MghftConfig
from pipeline.engine.errors import StickerworksError

QueryKey = tuple[Tensor, Tensor]
"""One block's queries (B, heads, N + 1, d) and keys (B, heads, M + 1, d); CLS first."""


@dataclass(frozen=True)
class StageOutput:
    """What a stage leaves: tokens (B, 1 + H x W, C), CLS first, its grid and its attention.

    ``attention`` holds each block's queries and keys, detached, first block first.
    """

    tokens: Tensor
    grid: tuple[int, int]
    attention: tuple[QueryKey, ...]


class Backbone(nn.Module):
    """Four stages, each halving the grid; images (B, 3, H, W) to one StageOutput a stage.

    CLS joins keys and values beside the spatially reduced grid and is dropped before the next
    stage. Sides must be multiples of 32 pixels; StickerworksError otherwise.
    """

    def __init__(self, config: MghftConfig) -> None:
        super().__init__()
        rates = torch.linspace(0, config.drop_path, sum(config.depths)).tolist()
        starts = [sum(config.depths[:stage]) for stage in range(4)]
        self.stages = nn.ModuleList(
            PyramidStage(config, stage, rates[start : start + depth])
            for stage, (start, depth) in enumerate(zip(starts, config.depths, strict=True))
        )

    def forward(self, images: Tensor) -> list[StageOutput]:
        height, width = images.shape[2:]
        if height % 32 or width % 32:
            raise StickerworksError(
                f"MGHFT got images of {width} x {height} pixels.", "Use sides that 32 divides."
            )
        outputs: list[StageOutput] = []
        grid = images
        for stage in self.stages:
            output: StageOutput = stage(grid)
            outputs.append(output)
            grid = as_grid(output.tokens[:, 1:], output.grid)
        return outputs


class PyramidStage(nn.Module):
    """Patch embedding, positions, CLS and blocks."""

    def __init__(self, config: MghftConfig, stage: int, drop_path: list[float]) -> None:
        super().__init__()
        dim = config.dims[stage]
        before, patch = (3, 4) if stage == 0 else (config.dims[stage - 1], 2)
        self.patches = nn.Conv2d(before, dim, patch, stride=patch)
        self.patch_norm = nn.LayerNorm(dim)
        self.cls = nn.Parameter(torch.empty(1, 1, dim))
        self.side = config.grid_side // (4 * 2**stage)
        # Only the last stage has a position of its own for CLS.
        self.own_cls_position = stage == 3
        positions = self.side**2 + self.own_cls_position
        self.position = nn.Parameter(torch.empty(1, positions, dim))
        self.blocks = nn.ModuleList(Block(config, stage, rate) for rate in drop_path)
        nn.init.trunc_normal_(self.position, std=0.02)
        nn.init.trunc_normal_(self.cls, std=0.02)

    def forward(self, grid: Tensor) -> StageOutput:
        patches = self.patches(grid)
        height, width = patches.shape[2:]
        tokens = self.patch_norm(patches.flatten(2).transpose(1, 2))
        tokens = torch.cat([self.cls.expand(len(tokens), -1, -1), tokens], 1)
        tokens = tokens + self._positions(height, width)
        attention = []
        for block in self.blocks:
            tokens, pair = block(tokens, (height, width))
            attention.append(pair)
        return StageOutput(tokens, (height, width), tuple(attention))

    def _positions(self, height: int, width: int) -> Tensor:
        first, grid = self.position[:, :1], self.position[:, self.own_cls_position :]
        if (height, width) != (self.side, self.side):
            square = as_grid(grid, (self.side, self.side))
            resized = functional.interpolate(square, (height, width), mode="bilinear")
            grid = resized.flatten(2).transpose(1, 2)
        return torch.cat([first, grid], 1)


class Block(nn.Module):
    """Attention to the reduced grid, then an MLP, each with a residual connection."""

    def __init__(self, config: MghftConfig, stage: int, drop_path: float) -> None:
        super().__init__()
        dim = config.dims[stage]
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attention = ReducedAttention(dim, config.heads[stage], config.reductions[stage])
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.expand = nn.Linear(dim, dim * config.mlp_ratios[stage])
        self.contract = nn.Linear(dim * config.mlp_ratios[stage], dim)
        self.drop_path = drop_path
        self.recompute_mlp = config.recompute_mlp
        for layer in (self.expand, self.contract):
            start_linear(layer)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> tuple[Tensor, QueryKey]:
        attended, pair = self.attention(self.norm1(tokens), grid)
        tokens = tokens + self._drop(attended)
        return tokens + self._drop(self._mlp(tokens)), pair

    def _mlp(self, tokens: Tensor) -> Tensor:
        # Hidden activations are eight times the tokens and cheap to make again.
        if self.recompute_mlp and torch.is_grad_enabled():
            hidden: Tensor = checkpoint(
                self._dense, tokens, use_reentrant=False, preserve_rng_state=False
            )
            return hidden
        return self._dense(tokens)

    def _dense(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.contract(functional.gelu(self.expand(self.norm2(tokens))))
        return result

    def _drop(self, branch: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0:
            return branch
        keep = 1 - self.drop_path
        kept = torch.empty(len(branch), 1, 1, dtype=branch.dtype, device=branch.device)
        return branch * kept.bernoulli_(keep) / keep


class ReducedAttention(nn.Module):
    """Multi-head attention whose keys and values are CLS and a strided convolution of the grid."""

    def __init__(self, dim: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)
        self.reduce: nn.Conv2d | None = None
        if reduction > 1:
            self.reduce = nn.Conv2d(dim, dim, reduction, stride=reduction)
            self.reduce_norm = nn.LayerNorm(dim)
        for layer in (self.query, self.key_value, self.output):
            start_linear(layer)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> tuple[Tensor, QueryKey]:
        query = self.query(tokens)
        key, value = self.key_value(self._reduced(tokens, grid)).chunk(2, -1)
        query, key, value = (split_heads(part, self.heads) for part in (query, key, value))
        attended = functional.scaled_dot_product_attention(query, key, value)
        output: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return output, (query.detach(), key.detach())

    def _reduced(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        if self.reduce is None:
            return tokens
        small = self.reduce(as_grid(tokens[:, 1:], grid)).flatten(2).transpose(1, 2)
        reduced: Tensor = self.reduce_norm(torch.cat([tokens[:, :1], small], 1))
        return reduced


def split_heads(tokens: Tensor, heads: int) -> Tensor:
    """Tokens (B, N, C) as (B, heads, N, C / heads)."""
    rows, count, _ = tokens.shape
    return tokens.reshape(rows, count, heads, -1).transpose(1, 2)


def as_grid(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Tokens (B, H x W, C) as a grid (B, C, H, W)."""
    rows, _, dim = tokens.shape
    return tokens.transpose(1, 2).reshape(rows, dim, *grid)


def start_linear(layer: nn.Linear) -> None:
    """Initialise as PVT does: truncated normal weights of deviation 0.02, no bias."""
    nn.init.trunc_normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
