"""The STI layer: neutral at the start, regions that keep their place, frames that meet."""

from __future__ import annotations

import inspect

import pytest
import torch
from diffusers.models.resnet import TemporalConvLayer
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pipeline.baselines.sti.layer import (
    MixedLayer,
    SemanticInteraction,
    StiLayer,
    StiShape,
    StiTransformer,
    encode_positions,
)

SHAPE = StiShape(head_dim=8, groups=4)
FRAMES = 8


def make_layer(semantic: float, detail: float, shape: StiShape = SHAPE) -> StiLayer:
    torch.manual_seed(0)
    layer = StiLayer(16, shape)
    with torch.no_grad():
        layer.semantic_weight.fill_(semantic)
        layer.detail_weight.fill_(detail)
    return layer


def frames_moved(layer: nn.Module, changed: int) -> list[bool]:
    """Which frames of the output change when frame ``changed`` of the input does."""
    torch.manual_seed(1)
    clip = torch.randn(FRAMES, 16, 6, 6)
    other = clip.clone()
    other[changed] += torch.randn(16, 6, 6)
    with torch.no_grad():
        difference = layer(other, num_frames=FRAMES) - layer(clip, num_frames=FRAMES)
    return [bool(frame.abs().max() > 1e-6) for frame in difference]


def test_a_new_layer_changes_nothing_and_learns_from_the_first_step() -> None:
    layer = StiLayer(16, SHAPE)
    clips = torch.randn(2 * FRAMES, 16, 6, 6)
    out = layer(clips, num_frames=FRAMES)
    assert torch.equal(out, clips)
    out.square().mean().backward()
    assert layer.semantic_weight.grad.abs() > 0
    assert layer.detail_weight.grad.abs() > 0


def test_each_branch_joins_the_frames_that_it_is_for() -> None:
    alone = [frame == 0 for frame in range(FRAMES)]
    assert frames_moved(make_layer(0, 0), 0) == alone
    assert frames_moved(make_layer(1, 0), 0) == [True] * FRAMES
    assert frames_moved(make_layer(0, 1), 0) == [frame <= 1 for frame in range(FRAMES)]
    wide = StiShape(kernel=5, head_dim=8, groups=4)
    assert frames_moved(make_layer(0, 1, wide), 4) == [2 <= frame <= 6 for frame in range(FRAMES)]


def test_clips_of_a_batch_do_not_meet() -> None:
    layer = make_layer(1, 1)
    clips = torch.randn(3 * FRAMES, 16, 6, 6)
    together = layer(clips, num_frames=FRAMES)
    apart = [layer(clip, num_frames=FRAMES) for clip in clips.split(FRAMES)]
    torch.testing.assert_close(together, torch.cat(apart), rtol=1e-5, atol=1e-5)


def test_the_semantic_branch_is_self_attention_over_all_regions() -> None:
    torch.manual_seed(0)
    branch = SemanticInteraction(16, SHAPE)
    clips = torch.randn(2, 3, 16, 4, 6)
    expected = torch.empty_like(clips)
    for number, clip in enumerate(clips):
        regions = [
            clip[f, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean((1, 2))
            for f in range(3)
            for y in range(2)
            for x in range(3)
        ]
        tokens = torch.stack(regions)
        query, key, value = branch.query_key_value(tokens).split(16, 1)
        mixed = torch.cat(
            [
                (query[:, part] @ key[:, part].T / 8**0.5).softmax(1) @ value[:, part]
                for part in (slice(0, 8), slice(8, 16))
            ],
            1,
        )
        found = iter(branch.project(mixed))
        for f in range(3):
            for y in range(2):
                for x in range(3):
                    block = next(found)[:, None, None]
                    expected[number, f, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2] = block
    torch.testing.assert_close(branch(clips), expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=40)
@given(
    gamma=st.integers(1, 5),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    frames=st.integers(1, 3),
)
def test_every_pixel_gets_the_mean_of_its_own_region_at_any_size(
    gamma: int, height: int, width: int, frames: int
) -> None:
    branch = SemanticInteraction(8, StiShape(gamma=gamma, head_dim=8, groups=4))
    branch._attend = lambda tokens: tokens  # type: ignore[method-assign]
    branch.project = nn.Identity()  # type: ignore[assignment]
    clips = torch.randn(2, frames, 8, height, width)
    found = branch(clips)
    assert found.shape == clips.shape
    for y in range(height):
        for x in range(width):
            top, left = y // gamma * gamma, x // gamma * gamma
            block = clips[..., top : top + gamma, left : left + gamma].mean((-2, -1))
            torch.testing.assert_close(found[..., y, x], block, rtol=1e-4, atol=1e-5)


def test_positions_tell_frames_apart_that_look_the_same() -> None:
    grid = (3, 2, 4)
    codes = encode_positions(grid, 32)
    assert codes.shape == (24, 32)
    assert len({tuple(code.tolist()) for code in codes}) == 24
    assert encode_positions((2, 1, 1), 4).abs().sum() == 0, "no pair for each axis: no position"
    still = torch.randn(1, 16, 4, 4).expand(FRAMES, -1, -1, -1)

    def spread(layer: StiLayer) -> Tensor:
        with torch.no_grad():
            out = layer(still, num_frames=FRAMES)
        return (out - out[:1]).abs().max()

    # Equal rows of one product may round apart; positions move them by a thousandth.
    assert spread(make_layer(1, 0)) < 1e-5
    assert spread(make_layer(1, 0, StiShape(head_dim=8, groups=4, position="sinusoidal"))) > 1e-3


@pytest.mark.parametrize(
    ("ours", "replaced"),
    [(StiLayer, TemporalConvLayer), (StiTransformer, TransformerTemporalModel)],
)
def test_it_is_called_as_the_layer_that_it_replaces(ours: type, replaced: type) -> None:
    def parameters(kind: type) -> list[tuple[str, object]]:
        signature = inspect.signature(kind.forward)
        return [(one.name, one.default) for one in signature.parameters.values()]

    assert parameters(ours) == parameters(replaced)


def test_the_transformer_answers_as_diffusers_asks() -> None:
    layer = StiTransformer(16, SHAPE)
    clip = torch.randn(FRAMES, 16, 4, 4)
    assert torch.equal(layer(clip, num_frames=FRAMES).sample, clip)
    (alone,) = layer(clip, num_frames=FRAMES, return_dict=False)
    assert torch.equal(alone, clip)


def make_mixed(kind: str, sti: StiLayer | None = None) -> MixedLayer:
    torch.manual_seed(0)
    if kind == "convolution":
        temporal: nn.Module = TemporalConvLayer(16, norm_num_groups=4)
        nn.init.normal_(temporal.conv4[-1].weight)
    else:
        temporal = TransformerTemporalModel(2, 8, 16, norm_num_groups=4)
    return MixedLayer(temporal.eval(), sti)


def call(layer: nn.Module, kind: str, clips: Tensor) -> Tensor:
    """As the blocks of diffusers' UNet call it."""
    if kind == "convolution":
        return layer(clips, num_frames=FRAMES)
    return layer(clips, num_frames=FRAMES, cross_attention_kwargs=None, return_dict=False)[0]


@pytest.mark.parametrize("kind", ["convolution", "attention"])
@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_a_mixed_layer_is_alpha_of_2d_and_the_rest_of_3d(kind: str, alpha: float) -> None:
    layer = make_mixed(kind)
    nn.init.constant_(layer.alpha, alpha)
    clips = torch.randn(2 * FRAMES, 16, 6, 6)
    expected = alpha * clips + (1 - alpha) * call(layer.temporal, kind, clips)
    found = call(layer, kind, clips)
    torch.testing.assert_close(found, expected)
    found.square().mean().backward()
    assert layer.alpha.grad.abs() > 0


@pytest.mark.parametrize("kind", ["convolution", "attention"])
def test_what_stands_beside_reads_what_came_in(kind: str) -> None:
    sti = make_layer(0.7, 0.3)
    clips = torch.randn(2 * FRAMES, 16, 6, 6)
    alone = call(make_mixed(kind), kind, clips)
    together = call(make_mixed(kind, sti), kind, clips)
    torch.testing.assert_close(together, alone + sti(clips, num_frames=FRAMES) - clips)
