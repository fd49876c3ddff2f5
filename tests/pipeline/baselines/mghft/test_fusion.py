"""Soft fusion, the alignment losses and TGFA against their equations, written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.baselines.mghft.config import PRESETS
from pipeline.baselines.mghft.fusion import (
    TextGuidedFusion,
    alignment_loss,
    info_nce,
    mlce,
    soft_fusion,
)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unit(rows: int, seed: int) -> Tensor:
    return functional.normalize(draw(rows, 6, seed=seed), dim=-1)


def test_one_text_is_added_to_every_token_as_if_it_were_repeated() -> None:
    tokens, text = draw(2, 5, 4), draw(2, 1, 4, seed=1)
    repeated = text.expand(-1, 5, -1)
    released = tokens + (tokens @ repeated.transpose(1, 2)).softmax(-1) @ repeated
    assert torch.allclose(soft_fusion(tokens, text), released)
    assert torch.allclose(soft_fusion(tokens, text), tokens + text)


def test_several_texts_are_weighted_by_unscaled_similarity() -> None:
    tokens, text = draw(1, 2, 3), draw(1, 4, 3, seed=1)
    for index, token in enumerate(tokens[0]):
        weights = [math.exp(float(token @ each)) for each in text[0]]
        mix = sum(w * each for w, each in zip(weights, text[0], strict=True)) / sum(weights)
        assert torch.allclose(soft_fusion(tokens, text)[0, index], token + mix)


def test_info_nce_by_hand() -> None:
    vision, text = unit(3, 0), unit(3, 1)
    total = 0.0
    for one, other in ((vision, text), (text, vision)):
        for row in range(3):
            scores = [float(one[row] @ other[k]) / 0.07 for k in range(3)]
            total += math.log(sum(math.exp(s) for s in scores)) - scores[row]
    assert info_nce(vision, text, 0.07).item() == pytest.approx(total / 6)


def test_any_row_of_an_equal_text_is_a_match() -> None:
    vision, text = unit(3, 0), unit(3, 1)
    text[2] = text[0]
    same = torch.tensor([[True, False, True], [False, True, False], [True, False, True]])
    shares = (vision @ text.T / 0.07).softmax(1)
    there = -(shares * same).sum(1).log().mean()
    back = -((text @ vision.T / 0.07).softmax(1) * same).sum(1).log().mean()
    assert info_nce(vision, text, 0.07, same).item() == pytest.approx(float(there + back) / 2)
    everything = torch.ones(3, 3, dtype=torch.bool)
    assert info_nce(vision, text, 0.07, everything).item() == pytest.approx(0, abs=1e-12)


def test_mlce_by_hand_is_text_against_vision() -> None:
    vision, text = unit(3, 0), unit(3, 1)
    of_vision, of_text = ((0.5 * (1 + x @ x.T)).softmax(1) for x in (vision, text))
    there = float((of_vision * (of_vision / of_text).log()).sum())
    back = float((of_text * (of_text / of_vision).log()).sum())
    assert there != pytest.approx(back, rel=1e-6)
    assert mlce(vision, text, 1.0).item() == pytest.approx(back)


def test_alignment_is_both_losses_of_unit_vectors() -> None:
    config = PRESETS["paper"]
    vision, text = unit(4, 0), unit(4, 1)
    expected = info_nce(vision, text, 0.07) + 30 * mlce(vision, text, 1.0)
    assert alignment_loss(3 * vision, 5 * text, config).item() == pytest.approx(expected.item())


def test_the_alignment_loss_is_never_in_half_precision() -> None:
    config = PRESETS["paper"]
    vision, text = unit(6, 0).float(), unit(6, 1).float()
    exact = alignment_loss(vision, text, config)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(alignment_loss(vision, text, config), exact)
        assert alignment_loss(vision.bfloat16(), text.bfloat16(), config).dtype == torch.float32


def test_equal_vectors_align_better_than_others() -> None:
    config = PRESETS["paper"]
    text = unit(4, 1)
    assert alignment_loss(text, text, config) < alignment_loss(unit(4, 0), text, config)


def test_tgfa_for_token_0_equals_tgfa_for_every_token() -> None:
    torch.manual_seed(0)
    config = PRESETS["tiny"]
    fusion = TextGuidedFusion(config).double().eval()
    tokens, text = draw(2, 9, 48), draw(2, 8, 48, seed=1)
    normed = fusion.attention_norm(tokens)

    def heads(x: Tensor) -> Tensor:
        return x.reshape(2, -1, 4, 12).transpose(1, 2)

    def attend(query: Tensor, source: Tensor) -> Tensor:
        weights = query @ heads(fusion.key(source)).transpose(-2, -1) / math.sqrt(12)
        return weights.softmax(-1) @ heads(fusion.value(source))

    seen = attend(attend(heads(fusion.query(normed)), text), normed)
    middle = tokens + fusion.output(seen.transpose(1, 2).reshape(2, 9, 48))
    hidden = functional.gelu(fusion.expand(fusion.mlp_norm(middle)))
    expected = (middle + fusion.contract(hidden))[:, 0]
    assert torch.allclose(fusion(tokens, text), expected)
