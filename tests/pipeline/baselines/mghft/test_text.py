"""Texts of the four views and the pooling of a frozen encoder's layers."""

from __future__ import annotations

import pytest
import torch

from pipeline.baselines.mghft.text import pool_layers, view_texts
from pipeline.engine.errors import StickerworksError

VIEWS = ("Says  hello", "Line art", "A cat", "Big\neyes")


def test_each_view_is_its_own_text_or_all_are_one() -> None:
    assert view_texts(VIEWS, "per_view") == ("says hello", "line art", "a cat", "big eyes")
    assert view_texts(VIEWS, "concat") == ("says hello line art a cat big eyes",) * 4


def test_a_missing_view_is_refused() -> None:
    with pytest.raises(StickerworksError, match="3 texts"):
        view_texts(VIEWS[:3], "per_view")


def test_the_last_four_layers_are_averaged_with_or_without_padding() -> None:
    layers = [torch.full((2, 3, 1), value) for value in (100.0, 1.0, 2.0, 3.0, 6.0)]
    for layer in layers:
        layer[0, 2] = 0.0
        layer[1] = 0.0
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    assert pool_layers(layers, mask).tolist() == [[3.0], [0.0]]
    assert pool_layers(layers, mask, "all").tolist() == [[2.0], [0.0]]
