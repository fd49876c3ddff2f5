"""What Att2PL minimises: tags, confidence, reconstruction (sections 4.4 and 4.5)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from pipeline.baselines.att2pl.config import Att2plConfig, MainLoss

# As its authors train on MS-COCO (Ridnik et al., 2021).
_ASL_POWER = 4
_ASL_MARGIN = 0.05
_LEAST = 1e-8


def total_loss(
    logits: Tensor,
    original: Tensor | None,
    reconstruction: Tensor | None,
    truth: Tensor,
    config: Att2plConfig,
) -> Tensor:
    """Main loss, penalty and weighted reconstruction, a scalar; None leaves a part out.

    ``logits`` and ``original`` (B, tags) are those with and without re-attention, ``truth`` (B,
    tags) is 0 or 1.
    """
    loss = main_loss(logits, truth, config.main_loss)
    if original is not None:
        confident = confidence(logits, config.main_loss)
        before = confidence(original, config.main_loss)
        loss = loss + penalty_loss(confident, before, truth, signed=config.penalty == "signed")
    if reconstruction is not None:
        loss = loss + config.lambda_rec * reconstruction
    return loss


def main_loss(logits: Tensor, truth: Tensor, kind: MainLoss) -> Tensor:
    """Eq. 2 or an alternative (see Att2plConfig), summed over tags, averaged over stickers."""
    logits = logits.float()
    if kind == "bce":
        each = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(1)
    elif kind == "asl":
        each = _asymmetric(logits, truth)
    else:
        each = -(truth * logits.log_softmax(1)).sum(1)
        if kind == "softmax_mean":
            each = each / truth.sum(1).clamp(min=1)
    return each.mean()


def confidence(logits: Tensor, kind: MainLoss) -> Tensor:
    """Confidence (B, tags), 0 to 1: softmax, or sigmoid where the loss takes tags one by one.

    The equations write exponentials without their sum; they are called a distribution.
    """
    logits = logits.float()
    return logits.softmax(1) if kind in {"softmax", "softmax_mean"} else logits.sigmoid()


def penalty_loss(confident: Tensor, original: Tensor, truth: Tensor, signed: bool) -> Tensor:
    """Falls of confidence in true tags against the original pass, averaged over stickers.

    Eq. 4 also rewards rises (``signed``); the text counts falls alone. ``original`` gets no
    gradient, or the loss could be lowered by making the plain pass worse.
    """
    falls = original.detach() - confident
    counted = falls if signed else falls.relu()
    return (truth * counted).sum(1).mean()


def _asymmetric(logits: Tensor, truth: Tensor) -> Tensor:
    """Asymmetric loss of each row: easy negatives count little, the easiest nothing."""
    likely = logits.sigmoid()
    shifted = (likely - _ASL_MARGIN).clamp(min=0)
    missed = truth * functional.logsigmoid(logits)
    raised = (1 - truth) * shifted**_ASL_POWER * (1 - shifted).clamp(min=_LEAST).log()
    return -(missed + raised).sum(1)
