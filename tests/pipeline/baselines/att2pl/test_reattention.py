"""Masks that cover every patch, similarities, and the weights that come of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.baselines.att2pl.config import PRESETS
from pipeline.baselines.att2pl.reattention import (
    draw_groups,
    draw_masks,
    draw_rounds,
    group_sizes,
    masked_l1,
    renew_attention,
    spread,
    to_patches,
)

PAPER = PRESETS["paper"]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_49_patches_fall_into_groups_of_13_13_13_and_10() -> None:
    assert group_sizes(49, 4) == (13, 13, 13, 10)
    assert draw_groups(2, 49, 4).sum(2).tolist() == [[13, 13], [13, 13], [13, 13], [10, 10]]


@given(patches=st.integers(1, 200), data=st.data())
def test_groups_share_all_patches_and_none_is_empty(patches: int, data: st.DataObject) -> None:
    sizes = group_sizes(patches, data.draw(st.integers(1, patches)))
    assert sum(sizes) == patches
    assert min(sizes) >= 1
    assert max(sizes) == -(-patches // len(sizes))


@given(
    patches=st.integers(1, 64),
    rows=st.integers(1, 5),
    seed=st.integers(0, 2**31),
    data=st.data(),
)
def test_the_groups_hide_every_patch_exactly_once(
    patches: int, rows: int, seed: int, data: st.DataObject
) -> None:
    groups = data.draw(st.integers(1, min(patches, 6)))
    masks = draw_groups(rows, patches, groups, seeded(seed))
    assert masks.shape == (groups, rows, patches)
    assert bool((masks.sum(0) == 1).all())
    assert torch.equal(masks, draw_groups(rows, patches, groups, seeded(seed)))


def test_each_row_of_a_training_batch_has_groups_of_its_own() -> None:
    masks = draw_masks(PAPER, 3, training=True, generator=seeded(0))
    assert not torch.equal(masks[:, 0], masks[:, 1])
    assert not torch.equal(masks, draw_masks(PAPER, 3, training=True, generator=seeded(1)))


def test_groups_come_from_torch_s_generator_when_none_is_given() -> None:
    drawn = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        drawn.append(draw_masks(PAPER, 2, training=True))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_evaluation_hides_the_same_patches_for_every_sticker_and_draws_nothing() -> None:
    before = torch.get_rng_state()
    masks = draw_masks(PAPER, 3, training=False)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(masks, draw_masks(PAPER, 1, training=False).expand(-1, 3, -1))


def test_a_random_round_hides_its_share() -> None:
    masks = draw_rounds(3, 49, 0.6, 5)
    assert masks.shape == (5, 3, 49)
    assert bool((masks.sum(2) == 29).all())
    assert bool((draw_rounds(2, 4, 0.01, 3).sum(2) == 1).all())
    rounds = replace(PRESETS["paper"], masking="random", rounds=7)
    assert draw_masks(rounds, 2, training=True).shape == (7, 2, 49)


def test_patches_are_squares_of_32_pixels_row_by_row() -> None:
    images = torch.rand(2, 3, 64, 96)
    patches = to_patches(images)
    assert patches.shape == (2, 6, 3072)
    assert torch.equal(patches[1, 4], images[1, :, 32:64, 32:64].flatten())


def test_values_of_patches_spread_over_their_cells() -> None:
    values = torch.arange(8.0).reshape(2, 4)
    expected = np.kron(values.numpy().reshape(2, 2, 2), np.ones((1, 8, 8))).reshape(2, 256)
    assert np.array_equal(spread(values, 16).numpy(), expected)
    assert torch.equal(spread(values, 2), values)


@given(seed=st.integers(0, 2**31))
def test_a_perfectly_predicted_patch_weighs_nothing(seed: int) -> None:
    pixels = torch.randn(2, 3, 64, 64, generator=seeded(seed))
    masks = draw_groups(2, 4, 4, seeded(seed))
    renewed = renew_attention(pixels.expand(4, -1, -1, -1, -1), pixels, masks)
    assert renewed.numpy() == pytest.approx(np.zeros((2, 4)), abs=1e-6)


def test_an_opposite_or_unrelated_prediction_weighs_fully() -> None:
    pixels = torch.randn(1, 3, 64, 64, generator=seeded(0))
    masks = draw_groups(1, 4, 2, seeded(0))
    against = renew_attention(-pixels.expand(2, -1, -1, -1, -1), pixels, masks)
    nothing = renew_attention(torch.zeros(2, 1, 3, 64, 64), pixels, masks)
    assert against.tolist() == nothing.tolist() == [[1, 1, 1, 1]]


def test_a_patch_is_judged_by_the_pass_that_hid_it() -> None:
    pixels = torch.randn(1, 3, 64, 64, generator=seeded(0))
    # Pass 0 knows everything and hides patches 0 and 3; pass 1 knows nothing.
    predicted = torch.stack([pixels, torch.zeros_like(pixels)])
    masks = torch.tensor([[[True, False, False, True]], [[False, True, True, False]]])
    assert renew_attention(predicted, pixels, masks)[0].tolist() == pytest.approx(
        [0, 1, 1, 0], abs=1e-6
    )


def test_similarities_of_several_rounds_are_averaged_and_gaps_get_the_mean() -> None:
    pixels = torch.randn(1, 3, 64, 64, generator=seeded(0))
    predicted = torch.stack([pixels, torch.zeros_like(pixels)])
    # Patch 0: 1 and 0; patch 1: 1; patch 2: 0; patch 3 is never hidden: the mean of 0.5, 1 and 0.
    masks = torch.tensor([[[True, True, False, False]], [[True, False, True, False]]])
    renewed = renew_attention(predicted, pixels, masks)[0].tolist()
    assert renewed[:3] == pytest.approx([0.5, 0, 1], abs=1e-6)
    assert renewed[3] == pytest.approx(1 - (1 + 0 + 1 + 0) / 4, abs=1e-6)


def test_the_reconstruction_counts_hidden_pixels_alone() -> None:
    pixels = torch.zeros(1, 3, 64, 64)
    predicted = torch.zeros(2, 1, 3, 64, 64)
    predicted[0, 0, :, :32, :32] = 2  # patch 0
    predicted[1, 0, :, :32, 32:] = -4  # patch 1
    predicted[1, 0, :, 32:, 32:] = 100  # patch 3, in sight
    masks = torch.tensor([[[True, False, False, True]], [[False, True, True, False]]])
    assert float(masked_l1(predicted, pixels, masks)) == pytest.approx((2 + 0 + 4 + 0) / 4)
