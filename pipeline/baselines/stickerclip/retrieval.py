"""How well texts find their images, and images their texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.training.arrays import Floats

CUTS = (1, 5, 10)
DIRECTIONS = ("text to image", "image to text")

# Equal cosines differ in their last digits, by where in a block they are computed.
_EQUAL = 1e-9
_QUERIES, _CANDIDATES = 1024, 8192


def recall_table(images: Tensor, texts: Tensor, groups: Tensor) -> dict[str, dict[str, float]]:
    """R@1, R@5, R@10 and their mean for both directions, 0 to 1; NaN without rows.

    ``images`` and ``texts`` (N, D) are unit vectors; rows of equal ``groups`` (N,) carry the same
    text. Each row is a query, and a hit when any row with its text is among the first k: of two
    stickers with one caption none is the wrong answer to it. The released code looks for the
    row's own file alone; where all texts differ, both are the same.
    """
    pairs = {DIRECTIONS[0]: (texts, images), DIRECTIONS[1]: (images, texts)}
    table = {}
    for name, (queries, candidates) in pairs.items():
        ranks = retrieval_ranks(queries, candidates, groups)
        recalls = {f"R@{k}": float(np.mean(ranks <= k)) if len(ranks) else np.nan for k in CUTS}
        table[name] = {**recalls, "mean": float(np.mean(list(recalls.values())))}
    return table


def retrieval_ranks(queries: Tensor, candidates: Tensor, groups: Tensor) -> NDArray[np.int64]:
    """Rank, from 1, of the best candidate of each query's group, (N,).

    All others that are as similar stand before it, so that a model that tells nothing apart finds
    nothing. Similarities are computed in blocks: N x N of them never exist at once.
    """
    if not len(queries):
        return np.zeros(0, np.int64)
    queries, candidates = queries.double(), candidates.double()
    parts = [
        _ranks(block, own, candidates, groups)
        for block, own in zip(
            torch.split(queries, _QUERIES), torch.split(groups, _QUERIES), strict=True
        )
    ]
    ranks: NDArray[np.int64] = torch.cat(parts).cpu().numpy()
    return ranks


@dataclass(frozen=True)
class RowAuc:
    """What retrieval is worth row by row, for judging few rows.

    ``values[n, g]`` is what row n would be worth if its text were that of group g, and ``groups``
    (N,) says whose it is. A row's worth is the share of the others that it wins against, ties
    half, mean of two: its text against texts of other groups when its image is the query, and its
    image against images of other groups when its text is. Chance is 0.5 for any texts. Recall at
    10 and reciprocal rank make nothing of all the places behind the first ones, so that on a few
    dozen rows they vary far more; and many rows of one text lift chance.
    """

    values: Floats
    groups: NDArray[np.int64]

    def resample(self, weights: Floats) -> Floats:
        """Mean over rows for each row of ``weights`` (resamples x rows): how often a row counts."""
        own = self.values[np.arange(len(self.groups)), self.groups]
        mean: Floats = weights @ own / weights.sum(1)
        return mean

    def permute(self, orders: NDArray[np.int64]) -> Floats:
        """Mean over rows for each order (permutations x rows): row n with row order[n]'s text."""
        rows = np.arange(len(self.groups))
        return np.array([self.values[rows, self.groups[order]].mean() for order in orders])


def row_auc(images: Tensor, texts: Tensor, groups: Tensor) -> RowAuc:
    """Worth of each row under each group's text; holds N x groups values.

    Unit vectors (N, D) and groups as in ``recall_table``. Raises ValueError when all rows carry
    one text.
    """
    from scipy.stats import rankdata

    _, first, own, counts = np.unique(
        groups.cpu().numpy(), return_index=True, return_inverse=True, return_counts=True
    )
    if len(counts) < 2:
        raise ValueError("rows of a single text can't be told apart")
    # Equal texts have equal vectors: one of each, standing for as many rows as there are.
    cosines = (images.double() @ texts[first].double().T).cpu().numpy().round(9)
    others = len(own) - counts
    won = np.empty_like(cosines)
    for row, line in enumerate(cosines):
        won[row] = _beaten(line, counts, others)
    ranks = rankdata(cosines, axis=0)
    return RowAuc((won + (ranks - (counts + 1) / 2) / others) / 2, own.astype(np.int64))


def _ranks(queries: Tensor, own: Tensor, candidates: Tensor, groups: Tensor) -> Tensor:
    best = torch.full((len(queries),), -torch.inf, dtype=queries.dtype, device=queries.device)
    ahead = torch.zeros(len(queries), dtype=torch.int64, device=queries.device)
    blocks = list(
        zip(torch.split(candidates, _CANDIDATES), torch.split(groups, _CANDIDATES), strict=True)
    )
    for block, theirs in blocks:
        wanted = own[:, None] == theirs[None, :]
        similar = (queries @ block.T).masked_fill(~wanted, -torch.inf)
        best = torch.maximum(best, similar.amax(1))
    for block, theirs in blocks:
        wanted = own[:, None] == theirs[None, :]
        # Not "at least as similar", which nothing is to a NaN.
        behind = queries @ block.T < best[:, None] - _EQUAL
        ahead += (~behind & ~wanted).sum(1)
    return ahead + 1


def _beaten(line: Floats, counts: NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
    """For each group's text the share of rows of other groups whose text is less similar."""
    order = np.argsort(line, kind="stable")
    sorted_, rows = line[order], counts[order]
    below = np.concatenate([[0], np.cumsum(rows)])
    left, right = (np.searchsorted(sorted_, line, side) for side in ("left", "right"))
    equal = below[right] - below[left] - counts
    share: Floats = (below[left] + equal / 2) / others
    return share
