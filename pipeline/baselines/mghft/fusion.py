"""How MGHFT joins text and vision: soft fusion, alignment losses, text-guided attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.baselines.mghft.backbone import split_heads
from pipeline.baselines.mghft.config import MghftConfig


def soft_fusion(tokens: Tensor, text: Tensor) -> Tensor:
    """Add to each token the texts weighted by its unscaled similarity to them (Eq. 3 and 7).

    ``tokens`` (B, N, C), ``text`` (B, T, C). Local fusion has one text (T = 1), whose weight is 1:
    the released code repeats it N times for the same sum and an N x N matrix.
    """
    return tokens + (tokens @ text.transpose(1, 2)).softmax(-1) @ text


def info_nce(
    vision: Tensor, text: Tensor, temperature: float, same: Tensor | None = None
) -> Tensor:
    """Symmetric InfoNCE of unit vectors (B, D) whose rows match (Eq. 4).

    ``same`` (B, B) is true where two rows have equal texts; finding any of them is a match, since
    nothing tells them apart. For texts that all differ, as the paper's do, this is the equation;
    the released code takes several copies of a sticker in a batch for stickers that don't match.
    """
    similarity = vision @ text.T / temperature
    if same is None:
        same = torch.eye(len(vision), dtype=torch.bool, device=vision.device)
    matching = similarity.masked_fill(~same, float("-inf"))
    there = similarity.logsumexp(1) - matching.logsumexp(1)
    back = similarity.logsumexp(0) - matching.logsumexp(0)
    return (there.mean() + back.mean()) / 2


def mlce(vision: Tensor, text: Tensor, temperature: float) -> Tensor:
    """Divergence of how unit vectors (B, D) resemble each other within text and vision (Eq. 5).

    KL(text || vision), summed over the B x B entries. The equation writes it KL(W_l || W_h): l is
    language, since C_t is made of f_l, so h is vision; the released code computes the same.
    """
    within_vision, within_text = (
        (0.5 * (1 + part @ part.T) / temperature).log_softmax(-1) for part in (vision, text)
    )
    return functional.kl_div(within_vision, within_text, reduction="sum", log_target=True)


def alignment_loss(
    vision: Tensor, text: Tensor, config: MghftConfig, same: Tensor | None = None
) -> Tensor:
    """InfoNCE plus weighted MLCE of one stage's global and text vectors (B, D) (Eq. 6).

    Never in half precision: over the temperature, its rounding would be as large as the loss.
    """
    with torch.autocast(vision.device.type, enabled=False):
        vision, text = (
            functional.normalize(part.float() if part.itemsize < 4 else part, dim=-1)
            for part in (vision, text)
        )
        divergence = mlce(vision, text, config.mlce_temperature)
        contrast = info_nce(vision, text, config.temperature, same)
        return contrast + config.mlce_weight * divergence


class TextGuidedFusion(nn.Module):
    """TGFA (Eq. 8) for the token that the head reads: (B, N, D) and texts (B, T, D) to (B, D).

    Text and vision share the weights of keys and values. Only token 0's output is used, so only
    token 0 is a query; all are keys and values.
    """

    def __init__(self, config: MghftConfig) -> None:
        super().__init__()
        dim = config.fusion_dim
        self.heads = config.fusion_heads
        self.dropout = config.fusion_dropout
        self.attention_norm = nn.LayerNorm(dim, eps=1e-6)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim)
        self.mlp_norm = nn.LayerNorm(dim, eps=1e-6)
        self.expand = nn.Linear(dim, config.fusion_mlp)
        self.contract = nn.Linear(config.fusion_mlp, dim)
        for layer in (self.expand, self.contract):
            start_projection(layer)

    def forward(self, tokens: Tensor, text: Tensor) -> Tensor:
        normed = self.attention_norm(tokens)
        query = split_heads(self.query(normed[:, :1]), self.heads)
        guided = self._attend(query, text)
        attended = self._attend(guided, normed).transpose(1, 2).flatten(2)
        first = tokens[:, 0] + self.output(attended)[:, 0]
        hidden = self._drop(functional.gelu(self.expand(self.mlp_norm(first))))
        result: Tensor = first + self._drop(self.contract(hidden))
        return result

    def _attend(self, query: Tensor, source: Tensor) -> Tensor:
        key, value = (split_heads(part(source), self.heads) for part in (self.key, self.value))
        return functional.scaled_dot_product_attention(query, key, value)

    def _drop(self, hidden: Tensor) -> Tensor:
        return functional.dropout(hidden, self.dropout, self.training)


def start_projection(layer: nn.Linear) -> None:
    """Initialise as the released fusion does: Xavier weights, biases of next to nothing."""
    nn.init.xavier_uniform_(layer.weight)
    nn.init.normal_(layer.bias, std=1e-6)
