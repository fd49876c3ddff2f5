"""Local tokens: which patches CLS looks at through all blocks of a stage (section 3.1).

The attention maps of a stage's blocks are chained by products, and the CLS row of the result
ranks the patches. A product of two N x M maps is N x N; its first row alone is a vector times a
matrix for each block, so that row is carried through the chain from the last block to the first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.baselines.mghft.backbone import QueryKey

_ROWS = 2048


def cls_scores(attention: Sequence[QueryKey], reduced: bool) -> Tensor:
    """Score of each patch, (B, heads, N), in O(N M) time and O(N + M) memory a block.

    With ``reduced`` keys (stages 1 to 3) the chain is A1 A0^T, then A_i^T X for even i and A_i X
    for odd i; without, every map is square and the chain is their plain product. No gradient.
    """
    device = attention[0][0].device.type
    with torch.no_grad(), torch.autocast(device, enabled=False):
        *earlier, last = [(_exact(query), _exact(key)) for query, key in attention]
        row = _first_row(*last, transposed=reduced and len(earlier) % 2 == 0)
        for index in range(len(earlier) - 1, -1, -1):
            row = _times_map(row, *earlier[index], transposed=reduced and index % 2 == 0)
        return row[..., 1:]


def select_tokens(tokens: Tensor, scores: Tensor, count: int) -> Tensor:
    """The ``count`` patches of highest score for each head: (B, heads x count, C).

    ``tokens`` (B, 1 + N, C) begin with CLS, ``scores`` are (B, heads, N). A head's patches come
    in falling order of score, equal scores in order of place; heads come one after another.
    """
    order = scores.argsort(dim=-1, descending=True, stable=True)[..., :count]
    places = 1 + order.flatten(1)
    rows = torch.arange(len(tokens), device=tokens.device)[:, None]
    return tokens[rows, places]


def _first_row(query: Tensor, key: Tensor, transposed: bool) -> Tensor:
    if not transposed:
        return _map(query[..., :1, :], key).squeeze(-2)
    parts = [_map(part, key)[..., 0] for part in _pieces(query, -2)]
    return torch.cat(parts, -1)


def _times_map(row: Tensor, query: Tensor, key: Tensor, transposed: bool) -> Tensor:
    """``row`` times the block's map, or times its transpose; the map exists in slices only."""
    if transposed:
        parts = [_map(part, key) @ row.unsqueeze(-1) for part in _pieces(query, -2)]
        return torch.cat(parts, -2).squeeze(-1)
    pieces = zip(_pieces(row, -1), _pieces(query, -2), strict=True)
    total = torch.zeros_like(key[..., 0])
    for weights, part in pieces:
        total += (weights.unsqueeze(-2) @ _map(part, key)).squeeze(-2)
    return total


def _pieces(part: Tensor, dim: int) -> list[Tensor]:
    size = part.shape[dim]
    return [part.narrow(dim, start, min(_ROWS, size - start)) for start in range(0, size, _ROWS)]


def _map(query: Tensor, key: Tensor) -> Tensor:
    scale = 1 / math.sqrt(query.shape[-1])
    return (query @ key.transpose(-2, -1) * scale).softmax(-1)


def _exact(part: Tensor) -> Tensor:
    # Half precision would tie patches that single precision tells apart.
    return part.float() if part.dtype in (torch.float16, torch.bfloat16) else part
