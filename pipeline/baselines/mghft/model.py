"""MGHFT as a whole: backbone, four bridges to the text, fusion and head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.baselines.mghft.backbone import Backbone, QueryKey, StageOutput, start_linear
from pipeline.baselines.mghft.config import VIEWS, MghftConfig
from pipeline.baselines.mghft.fusion import (
    TextGuidedFusion,
    alignment_loss,
    soft_fusion,
    start_projection,
)
from pipeline.baselines.mghft.tokens import cls_scores, select_tokens
from pipeline.engine.errors import StickerworksError

Score = Callable[[Sequence[QueryKey], bool], Tensor]


@dataclass(frozen=True)
class MghftOutput:
    """Logits (B, classes), and the alignment loss summed over stages (Eq. 6), a scalar."""

    logits: Tensor
    alignment: Tensor


class Mghft(nn.Module):
    """Images (B, 3, H, W), normalised, and text features (B, 4, 768) to an MghftOutput.

    Text features are a frozen encoder's, in the order of ``VIEWS`` (see ``text.py``). ``score``
    ranks a stage's patches; the tests and the benchmark put the naive product there. Raises
    StickerworksError for inputs of another shape.
    """

    def __init__(self, config: MghftConfig, score: Score = cls_scores) -> None:
        super().__init__()
        self.config = config
        self.score = score
        wide = config.dims[3]
        self.backbone = Backbone(config)
        self.bridges = nn.ModuleList(
            Bridge(dim, wide, last=stage == 3) for stage, dim in enumerate(config.dims)
        )
        self.norm = nn.LayerNorm(wide, eps=1e-6)
        self.text_in = nn.Linear(config.text_dim, wide)
        self.text_out = nn.Linear(wide, config.fusion_dim)
        self.vision_out = nn.Linear(wide, config.fusion_dim)
        self.position = nn.Parameter(torch.empty(1, config.tokens, config.fusion_dim))
        self.fusion = TextGuidedFusion(config)
        self.head = nn.Linear(config.fusion_dim, config.classes)
        nn.init.trunc_normal_(self.position, std=0.02)
        for layer in (self.text_in, self.text_out, self.vision_out, self.head):
            start_projection(layer)

    def forward(self, images: Tensor, text_features: Tensor) -> MghftOutput:
        self._check(images, text_features)
        views = self.text_in(text_features)
        vision, texts, globals_ = self._fuse_stages(self.backbone(images), views)
        tokens = self.vision_out(self.norm(vision)) + self.position
        logits = self.head(self.fusion(tokens, self.text_out(texts)))
        return MghftOutput(logits, self._align(globals_, views, text_features))

    def _align(self, globals_: Sequence[Tensor], views: Tensor, texts: Tensor) -> Tensor:
        losses = []
        for index, vision in enumerate(globals_):
            own = texts[:, index]
            same = (own[:, None] == own).all(-1)
            losses.append(alignment_loss(vision, views[:, index], self.config, same))
        return torch.stack(losses).sum()

    def _fuse_stages(
        self, stages: Sequence[StageOutput], views: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Tokens (B, 996, C), texts (B, 8, C), and each stage's global (B, C)."""
        globals_: list[Tensor] = []
        locals_: list[Tensor] = []
        text_tokens: list[Tensor] = []
        bridges = cast("list[Bridge]", list(self.bridges))
        for index, (stage, bridge) in enumerate(zip(stages, bridges, strict=True)):
            text = bridge.text(views[:, index : index + 1])
            chosen = soft_fusion(self._choose(index, stage), text)
            locals_.append(bridge.widen_local(chosen))
            globals_.append(bridge.widen_global(stage.tokens[:, 0]))
            stale = index == 3 and self.config.stage4_text == "stale"
            text_tokens.append(text_tokens[-1] if stale else bridge.widen_local(text))
        # The last stage comes first: its CLS is the token that the head reads. Vision tokens have
        # positions; the order of texts changes nothing.
        fused = soft_fusion(torch.stack(globals_[::-1], 1), views)
        local = torch.cat(locals_, 1).flip(1)
        texts = torch.cat([views, *text_tokens], 1)
        return torch.cat([fused, local], 1), texts, globals_

    def _choose(self, index: int, stage: StageOutput) -> Tensor:
        scores = self.score(stage.attention, index < 3)
        count = self.config.local_tokens[index] // self.config.heads[index]
        return select_tokens(stage.tokens, scores, count)

    def _check(self, images: Tensor, text_features: Tensor) -> None:
        expected = (len(images), len(VIEWS), self.config.text_dim)
        if tuple(text_features.shape) != expected:
            raise StickerworksError(
                f"MGHFT got text features of shape {tuple(text_features.shape)}.",
                f"Give rows x views x width: {expected}.",
            )
        height, width = images.shape[2:]
        if self.config.alpha > (height // 32) * (width // 32):
            raise StickerworksError(
                f"Images of {width} x {height} pixels have too few patches for alpha "
                f"{self.config.alpha}.",
                "Use larger images or a smaller alpha.",
            )


class Bridge(nn.Module):
    """Two-layer projections between a stage's width and the last stage's, for text and vision."""

    def __init__(self, dim: int, wide: int, last: bool) -> None:
        super().__init__()
        self.text = _projection(wide, dim, dim)
        # The last stage already has the width that fusion wants.
        self.widen_local: nn.Module = nn.Identity() if last else _projection(dim, dim, wide)
        self.widen_global: nn.Module = nn.Identity() if last else _projection(dim, dim, wide)


def total_loss(output: MghftOutput, labels: Tensor, config: MghftConfig) -> Tensor:
    """Cross-entropy with label smoothing plus the weighted alignment loss (Eq. 9), a scalar.

    ``labels`` count from 0 (B,), or are shares of the classes (B, classes).
    """
    entropy = functional.cross_entropy(
        output.logits, labels, label_smoothing=config.label_smoothing
    )
    return entropy + config.alignment_weight * output.alignment


def _projection(before: int, hidden: int, after: int) -> nn.Sequential:
    layers = nn.Sequential(nn.Linear(before, hidden), nn.ReLU(), nn.Linear(hidden, after))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            start_linear(layer)
    return layers
