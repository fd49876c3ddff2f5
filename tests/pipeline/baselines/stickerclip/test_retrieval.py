"""Recall and the row-wise measure, against brute force, torchmetrics and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from pipeline.baselines.stickerclip import retrieval
from pipeline.baselines.stickerclip.retrieval import recall_table, retrieval_ranks, row_auc
from pipeline.training.metrics import resample_counts

BOTH = [("text to image", 1), ("image to text", 0)]


def unit(rows: int, dim: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(rows, dim, generator=generator), dim=1)


def pairs_of(rows: int, texts: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings with something in common, and rows of one group with one text."""
    groups = torch.from_numpy(np.random.default_rng(seed).integers(0, texts, rows))
    each = unit(texts, 6, seed)[groups]
    images = functional.normalize(each + unit(rows, 6, seed + 1), dim=1)
    return images, each, groups


def rank_by_hand(similar: np.ndarray, groups: np.ndarray, query: int) -> int:
    """Sort all candidates, wrong ones first among equals; place of the first right one."""
    order = sorted(
        range(len(groups)), key=lambda n: (-similar[query, n], groups[n] == groups[query])
    )
    return 1 + next(place for place, n in enumerate(order) if groups[n] == groups[query])


@given(seed=st.integers(0, 1000), rows=st.integers(1, 24), texts=st.integers(1, 24))
def test_ranks_are_those_of_a_sort(seed: int, rows: int, texts: int) -> None:
    images, each, groups = pairs_of(rows, texts, seed)
    # To one digit, so that ties are common.
    images = (images * 2).round()
    similar = (images.double() @ each.double().T).numpy().round(9)
    for queries, others, table in ((images, each, similar), (each, images, similar.T)):
        expected = [rank_by_hand(table, groups.numpy(), n) for n in range(rows)]
        assert retrieval_ranks(queries, others, groups).tolist() == expected


@pytest.mark.parametrize("texts", [40, 1000])
def test_recall_is_that_of_torchmetrics(texts: int) -> None:
    from torchmetrics.retrieval import RetrievalHitRate

    images, each, groups = pairs_of(60, texts, 3)
    each = functional.normalize(each + 1e-4 * unit(60, 6, 9), dim=1)  # it breaks ties by chance
    table = recall_table(images, each, groups)
    similar = images @ each.T
    relevant = groups[:, None] == groups[None, :]
    numbers = torch.arange(60)[:, None].expand(60, 60)
    for name, transposed in BOTH:
        scores = similar.T if transposed else similar
        for k in (1, 5, 10):
            metric = RetrievalHitRate(top_k=k)
            expected = metric(scores.flatten(), relevant.flatten(), indexes=numbers.flatten())
            assert table[name][f"R@{k}"] == pytest.approx(expected.item()), (name, k)
        recalls = [table[name][f"R@{k}"] for k in (1, 5, 10)]
        assert table[name]["mean"] == pytest.approx(sum(recalls) / 3)
        assert recalls == sorted(recalls)
        assert 0 < recalls[0] < 1


def test_the_block_size_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    images, each, groups = pairs_of(50, 30, 4)
    whole = retrieval_ranks(images, each, groups)
    monkeypatch.setattr(retrieval, "_QUERIES", 7)
    monkeypatch.setattr(retrieval, "_CANDIDATES", 3)
    assert retrieval_ranks(images, each, groups).tolist() == whole.tolist()


def test_all_similarities_never_exist_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    multiply = Tensor.__matmul__

    def watched(first: Tensor, second: Tensor) -> Tensor:
        product = multiply(first, second)
        sizes.append(product.numel())
        return product

    monkeypatch.setattr(Tensor, "__matmul__", watched)
    monkeypatch.setattr(retrieval, "_QUERIES", 100)
    monkeypatch.setattr(retrieval, "_CANDIDATES", 200)
    retrieval_ranks(unit(1000, 4, 1), unit(1000, 4, 2), torch.arange(1000))
    assert max(sizes) <= 100 * 200


@pytest.mark.parametrize("value", [1.0, 0.0, np.nan])
def test_a_model_that_tells_nothing_apart_finds_nothing(value: float) -> None:
    same = functional.normalize(torch.ones(200, 7), dim=1) * value
    table = recall_table(same, same, torch.arange(200))
    assert [table[name]["R@10"] for name, _ in BOTH] == [0.0, 0.0]


def test_another_row_with_the_same_text_is_a_hit() -> None:
    each = unit(3, 4, 1)
    images, texts = each[[1, 0, 2]], each[[0, 0, 2]]
    ranks = retrieval_ranks(texts, images, torch.tensor([0, 0, 2]))
    assert ranks.tolist() == [1, 1, 1]
    assert retrieval_ranks(texts, images, torch.arange(3)).tolist() != [1, 1, 1]


def test_without_rows_there_is_no_figure() -> None:
    none = torch.zeros(0, 4)
    table = recall_table(none, none, torch.zeros(0, dtype=torch.int64))
    assert np.isnan([value for row in table.values() for value in row.values()]).all()


@pytest.mark.parametrize("texts", [4, 12, 500])
def test_the_row_wise_measure_is_the_area_under_the_curve_of_every_query(texts: int) -> None:
    from sklearn.metrics import roc_auc_score

    images, each, groups = pairs_of(40, texts, 7)
    found = row_auc(images, each, groups)
    similar = (images.double() @ each.double().T).numpy().round(9)
    own = groups.numpy()
    areas = []
    for table in (similar, similar.T):
        areas += [roc_auc_score(own == own[n], table[n]) for n in range(40)]
    assert found.resample(np.ones((1, 40)))[0] == pytest.approx(np.mean(areas))


def test_permuted_rows_are_judged_as_if_they_were_so() -> None:
    images, each, groups = pairs_of(30, 9, 8)
    found = row_auc(images, each, groups)
    orders = np.stack([np.random.default_rng(n).permutation(30) for n in range(5)])
    expected = [
        row_auc(images, each[order], groups[order]).resample(np.ones((1, 30)))[0]
        for order in orders
    ]
    assert found.permute(orders) == pytest.approx(expected)
    assert found.permute(np.arange(30)[None])[0] > max(expected)


@pytest.mark.parametrize("texts", [2, 10, 400])
def test_chance_is_a_half_for_any_texts(texts: int) -> None:
    _, each, groups = pairs_of(300, texts, 2)
    found = row_auc(unit(300, 6, 99), each, groups)
    orders = np.stack([np.random.default_rng(n).permutation(300) for n in range(50)])
    assert found.permute(orders).mean() == pytest.approx(0.5, abs=0.01)
    same = torch.ones(300, 6)
    assert row_auc(same, same, groups).resample(np.ones((1, 300)))[0] == pytest.approx(0.5)


def test_resamples_weigh_rows() -> None:
    images, each, groups = pairs_of(20, 20, 5)
    found = row_auc(images, each, groups)
    own = found.values[np.arange(20), found.groups]
    weights = resample_counts(20, 3, 1)
    expected = [np.average(own, weights=line) for line in weights]
    assert found.resample(weights) == pytest.approx(expected)


def test_rows_of_one_text_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="single text"):
        row_auc(unit(5, 4, 1), unit(5, 4, 1), torch.zeros(5, dtype=torch.int64))
