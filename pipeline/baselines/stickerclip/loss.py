"""Symmetric InfoNCE over the batches of all processes."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional

from pipeline.training.processes import process_count, process_rank


def contrastive_loss(
    images: Tensor,
    texts: Tensor,
    scale: Tensor,
    groups: Tensor,
    same_text: Literal["negative", "ignored"] = "negative",
) -> Tensor:
    """Mean of both directions' cross-entropies, a scalar; row n of ``images`` belongs to text n.

    ``images`` and ``texts`` (B, D) are unit vectors, ``scale`` multiplies their cosines, and rows
    of equal ``groups`` (B,) carry the same text: each other's negatives, as published, or left
    out of the sums ("ignored"). With several processes their rows count together: the loss is
    that of one process with all rows, and so is the mean of the processes' gradients. The
    released code lets gradients through a process's own rows alone.
    """
    rows = gathered(images.float()), gathered(texts.float()), gathered(groups)
    return symmetric_loss(*rows[:2], scale, rows[2], same_text)


def symmetric_loss(
    images: Tensor,
    texts: Tensor,
    scale: Tensor,
    groups: Tensor,
    same_text: Literal["negative", "ignored"],
) -> Tensor:
    """``contrastive_loss`` of the rows of one process alone."""
    # Cosines times 100 have no digits to spare for bfloat16.
    with torch.autocast(images.device.type, enabled=False):
        logits = scale.float() * images @ texts.T
    if same_text == "ignored":
        others = groups[:, None] == groups[None, :]
        others.fill_diagonal_(False)
        logits = logits.masked_fill(others, float("-inf"))
    pairs = torch.arange(len(logits), device=logits.device)
    forth, back = functional.cross_entropy(logits, pairs), functional.cross_entropy(logits.T, pairs)
    return (forth + back) / 2


def gathered(rows: Tensor) -> Tensor:
    """Rows of all processes in the order of their ranks, with gradient; alone, the rows given.

    Every process must give equally many.
    """
    if process_count() == 1:
        return rows
    every: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]
    return every


class _Gather(torch.autograd.Function):
    """Concatenates over processes; backwards each gets the sum of what all found for its rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(process_count())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total.chunk(process_count())[process_rank()]
