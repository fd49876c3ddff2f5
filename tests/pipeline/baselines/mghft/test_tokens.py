"""The CLS row by vectors equals the row of the N x N product, whatever the shapes."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.baselines.mghft import tokens
from pipeline.baselines.mghft.backbone import QueryKey
from pipeline.baselines.mghft.tokens import cls_scores, select_tokens


def make_pairs(depth: int, patches: int, keys: int, heads: int, seed: int) -> list[QueryKey]:
    """Random queries (2, heads, patches + 1, 4) and keys (2, heads, keys + 1, 4)."""
    random = torch.Generator().manual_seed(seed)

    def draw(count: int) -> torch.Tensor:
        return torch.randn(2, heads, count + 1, 4, generator=random, dtype=torch.float64)

    return [(draw(patches), draw(keys)) for _ in range(depth)]


@settings(max_examples=40, deadline=None)
@given(
    depth=st.integers(2, 7),
    patches=st.integers(1, 40),
    keys=st.integers(1, 12),
    heads=st.integers(1, 3),
    rows=st.integers(1, 50),
    seed=st.integers(0, 2**31),
)
def test_scores_equal_the_naive_row(
    naive: ModuleType, depth: int, patches: int, keys: int, heads: int, rows: int, seed: int
) -> None:
    pairs = make_pairs(depth, patches, keys, heads, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "_ROWS", rows)
        scores = cls_scores(pairs, reduced=True)
    expected = naive.naive_scores(pairs, reduced=True)
    assert scores.shape == (2, heads, patches)
    assert torch.allclose(scores, expected, rtol=1e-9, atol=0)


@settings(max_examples=25, deadline=None)
@given(
    depth=st.integers(1, 5),
    patches=st.integers(1, 40),
    heads=st.integers(1, 3),
    seed=st.integers(0, 2**31),
)
def test_square_maps_are_plainly_multiplied(
    naive: ModuleType, depth: int, patches: int, heads: int, seed: int
) -> None:
    pairs = make_pairs(depth, patches, patches, heads, seed)
    scores = cls_scores(pairs, reduced=False)
    assert torch.allclose(scores, naive.naive_scores(pairs, reduced=False), rtol=1e-9, atol=0)


@settings(max_examples=25, deadline=None)
@given(patches=st.integers(8, 60), count=st.integers(1, 8), seed=st.integers(0, 2**31))
def test_the_same_tokens_are_selected_in_the_same_order(
    naive: ModuleType, patches: int, count: int, seed: int
) -> None:
    pairs = make_pairs(3, patches, 6, 2, seed)
    rows = torch.arange(patches + 1, dtype=torch.float64)[None, :, None].expand(2, -1, 1)
    chosen = select_tokens(rows, cls_scores(pairs, reduced=True), count)
    best = naive.naive_scores(pairs, reduced=True).topk(count, -1).indices + 1
    assert chosen.shape == (2, 2 * count, 1)
    assert chosen[..., 0].tolist() == best.flatten(1).tolist()


def test_equal_scores_keep_their_order_and_cls_is_never_chosen() -> None:
    rows = torch.arange(6.0)[None, :, None]
    scores = torch.tensor([[[1.0, 2.0, 2.0, 1.0, 2.0]]])
    assert select_tokens(rows, scores, 5)[0, :, 0].tolist() == [2.0, 3.0, 5.0, 1.0, 4.0]


def test_half_precision_is_ranked_in_single() -> None:
    pairs = [(q.bfloat16(), k.bfloat16()) for q, k in make_pairs(3, 30, 5, 1, 0)]
    scores = cls_scores(pairs, reduced=True)
    exact = cls_scores([(q.double(), k.double()) for q, k in pairs], reduced=True)
    assert scores.dtype == torch.float32
    assert torch.allclose(scores.double(), exact, rtol=1e-5)


def test_no_gradient_flows_through_scores() -> None:
    pairs = [(q.requires_grad_(), k.requires_grad_()) for q, k in make_pairs(2, 5, 2, 1, 0)]
    assert not cls_scores(pairs, reduced=True).requires_grad


def test_the_map_never_exists_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    whole = tokens._map

    def watch(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        made = whole(query, key)
        seen.append(made.numel())
        return made

    monkeypatch.setattr(tokens, "_map", watch)
    cls_scores(make_pairs(4, 9000, 7, 1, 0), reduced=True)
    assert max(seen) <= 2 * 2048 * 8
