"""Local re-attention (LoR): patches that their surroundings don't explain weigh more (4.3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.baselines.att2pl.config import PATCH, Att2plConfig

_EVALUATION_SEED = 0


def draw_masks(
    config: Att2plConfig, rows: int, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    """Which patches each pass hides: bool (passes, rows, N), on the CPU.

    In training every row draws its own, from torch's CPU generator unless another is given. In
    evaluation all rows share masks that are always the same: scores repeat, whatever the batch.
    """
    if training:
        return _draw(config, rows, generator)
    fixed = torch.Generator().manual_seed(_EVALUATION_SEED)
    return _draw(config, 1, fixed).expand(-1, rows, -1)


def group_sizes(patches: int, groups: int) -> tuple[int, ...]:
    """Sizes of groups that share ``patches``: equal but for a smaller last one (49: 13 13 13 10).

    Where that would leave the last without any, sizes differ by one at most.
    """
    most = -(-patches // groups)
    last = patches - most * (groups - 1)
    if last > 0:
        return (most,) * (groups - 1) + (last,)
    least, more = divmod(patches, groups)
    return (least + 1,) * more + (least,) * (groups - more)


def draw_groups(
    rows: int, patches: int, groups: int, generator: torch.Generator | None = None
) -> Tensor:
    """Bool (groups, rows, patches): a random partition for each row, each patch in one group."""
    sizes = torch.tensor(group_sizes(patches, groups))
    group_of_rank = torch.arange(groups).repeat_interleave(sizes)
    group = group_of_rank[_shuffle(rows, patches, generator)]
    return group == torch.arange(groups)[:, None, None]


def draw_rounds(
    rows: int, patches: int, ratio: float, rounds: int, generator: torch.Generator | None = None
) -> Tensor:
    """Bool (rounds, rows, patches): in each round a random share, one patch at least."""
    hidden = max(1, round(patches * ratio))
    ranks = _shuffle(rounds * rows, patches, generator)
    return (ranks < hidden).reshape(rounds, rows, patches)


def to_patches(images: Tensor) -> Tensor:
    """Images (B, 3, H, W) to patches (B, N, 3 * 32 * 32), row by row."""
    return functional.unfold(images, PATCH, stride=PATCH).transpose(1, 2)


def renew_attention(predicted: Tensor, pixels: Tensor, masks: Tensor) -> Tensor:
    """Renewed attention R (B, N), 0 to 1: 1 - r_i (section 4.3).

    r_i is the cosine of predicted and original pixels of patch i, clamped to 0 to 1 and averaged
    over the passes that hid the patch; one that no pass hid gets its image's mean. ``predicted``
    (passes, B, 3, H, W), ``pixels`` (B, 3, H, W), ``masks`` (passes, B, N).
    """
    # Doubles: in floats a perfect prediction would still be off by some 1e-6.
    original = to_patches(pixels).double()
    guessed = to_patches(predicted.flatten(0, 1)).double().reshape(*masks.shape, -1)
    likeness = functional.cosine_similarity(guessed, original[None], dim=-1).clamp(0, 1)
    hidden = masks.to(likeness.dtype)
    times, sums = hidden.sum(0), (likeness * hidden).sum(0)
    mean = sums.sum(-1, keepdim=True) / times.sum(-1, keepdim=True)
    return (1 - torch.where(times > 0, sums / times.clamp(min=1), mean)).to(pixels.dtype)


def masked_l1(predicted: Tensor, pixels: Tensor, masks: Tensor) -> Tensor:
    """Mean absolute error over hidden pixels, a scalar; shapes as in ``renew_attention``.

    Not in the paper, whose loss reaches the prediction head through R alone.
    """
    error = to_patches((predicted - pixels).abs().flatten(0, 1)).mean(-1)
    hidden = masks.flatten(0, 1)
    return (error * hidden).sum() / hidden.sum()


def spread(values: Tensor, grid: int) -> Tensor:
    """Values of N patches (B, N) to the cells of a finer grid (B, grid * grid), nearest."""
    side = round(values.shape[1] ** 0.5)
    square = values.reshape(-1, side, side)
    finer = square.repeat_interleave(grid // side, 1).repeat_interleave(grid // side, 2)
    return finer.flatten(1)


def _draw(config: Att2plConfig, rows: int, generator: torch.Generator | None) -> Tensor:
    if config.masking == "groups":
        return draw_groups(rows, config.patches, config.groups, generator)
    return draw_rounds(rows, config.patches, config.mask_ratio, config.rounds, generator)


def _shuffle(rows: int, patches: int, generator: torch.Generator | None) -> Tensor:
    """Ranks (rows, patches): each row a random permutation."""
    return torch.rand(rows, patches, generator=generator, device="cpu").argsort(1)
