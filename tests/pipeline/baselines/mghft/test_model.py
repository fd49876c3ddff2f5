"""The whole model: shapes, training, recomputation, attention maps and refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.baselines.mghft.attention import attention_maps, heat_maps
from pipeline.baselines.mghft.config import PRESETS, MghftConfig
from pipeline.baselines.mghft.model import Mghft, total_loss
from pipeline.engine.errors import StickerworksError

Inputs = Callable[..., tuple[Tensor, Tensor]]


def make(seed: int = 0, **changes: Any) -> Mghft:
    torch.manual_seed(seed)
    return Mghft(replace(PRESETS["tiny"], **changes))


def train(
    model: Mghft, images: Tensor, text: Tensor, labels: Tensor, steps: int, seed: int = 0
) -> list[float]:
    """Losses of so many steps over the whole batch."""
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.05)
    losses = []
    for _ in range(steps):
        loss = total_loss(model(images, text), labels, model.config)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses


def draw(rows: int, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Squares of random place and colour on noise, a text vector for each view, and labels."""
    random = torch.Generator().manual_seed(7)
    images = torch.randn(rows, 3, side, side, generator=random) * 0.2
    for row in range(rows):
        x, y = torch.randint(0, side - 20, (2,), generator=random).tolist()
        images[row, :, y : y + 20, x : x + 20] = torch.randn(3, 1, 1, generator=random)
    text = torch.randn(rows, 4, 768, generator=random)
    return images, text, torch.randint(0, 7, (rows,), generator=random)


@pytest.mark.usefixtures("one_thread")
def test_it_learns_32_stickers_by_heart() -> None:
    model, (images, text, labels) = make(), draw(32, 64)
    losses = train(model.train(), images, text, labels, steps=80)
    # Most of both is alignment, which ends at a fifteenth of its start, more or less.
    assert losses[-1] < 0.2 * losses[0]
    with torch.no_grad():
        assert model.eval()(images, text).logits.argmax(1).tolist() == labels.tolist()


@pytest.mark.usefixtures("one_thread")
def test_one_seed_gives_one_run() -> None:
    batch = draw(8, 64)
    runs = [
        train(make(seed, drop_path=0.5, fusion_dropout=0.5).train(), *batch, steps=4, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.usefixtures("one_thread")
def test_recomputing_the_mlp_changes_no_gradient(inputs: Inputs) -> None:
    batch = inputs(2, 64, torch.float32)
    gradients = []
    for recompute in (False, True):
        model = make(recompute_mlp=recompute, drop_path=0.3).train()
        torch.manual_seed(3)
        total_loss(model(*batch), torch.tensor([0, 1]), model.config).backward()  # type: ignore[no-untyped-call]
        gradients.append([parameter.grad for parameter in model.parameters()])
    # Sums may come in another order where no gradient is asked for; other chance would show.
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_every_parameter_learns(inputs: Inputs) -> None:
    model = make(stage4_text="fresh")
    total_loss(
        model(*inputs(3, 64, torch.float32)), torch.tensor([0, 1, 2]), model.config
    ).backward()  # type: ignore[no-untyped-call]
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_one_model_takes_several_sides(inputs: Inputs) -> None:
    model = make(alpha=4).eval()
    for side in (64, 96, 128):
        assert model(*inputs(1, side, torch.float32)).logits.shape == (1, 7)


def test_drop_path_keeps_the_mean_and_only_acts_in_training() -> None:
    block: Any = make(drop_path=0.25).backbone.stages[3].blocks[1]
    branch = torch.ones(4000, 1, 1)
    dropped = block.train()._drop(branch)
    assert sorted(set(dropped.flatten().tolist())) == pytest.approx([0, 1 / 0.75])
    assert dropped.mean().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(block.eval()._drop(branch), branch)


def test_attention_maps_have_each_stages_grid_and_sum_to_one(inputs: Inputs) -> None:
    model = make().train()
    images = inputs(2, 64, torch.float32)[0]
    maps = attention_maps(model, images)
    assert [each.shape for each in maps] == [
        (2, 1, 16, 16), (2, 2, 8, 8), (2, 5, 4, 4), (2, 4, 2, 2),
    ]  # fmt: skip
    for each in maps:
        assert each.dtype == np.float32
        assert each.min() >= 0
        assert np.allclose(each.sum((2, 3)), 1, atol=1e-5)
    assert model.training


def test_attention_maps_are_those_of_the_naive_chain(inputs: Inputs, naive: ModuleType) -> None:
    images = inputs(1, 64)[0]
    model = make().double().eval()
    ours = attention_maps(model, images)
    model.score = naive.naive_scores
    for one, other in zip(ours, attention_maps(model, images), strict=True):
        assert np.allclose(one, other, rtol=1e-6)


def test_heat_maps_are_the_mean_over_heads_from_0_to_1(inputs: Inputs) -> None:
    images = inputs(2, 64)[0]
    model = make().double().eval()
    for weight in model.parameters():  # else it looks everywhere alike
        torch.nn.init.normal_(weight, std=0.3)
    maps = heat_maps(model, images)
    for index, stage in enumerate(model.backbone(images)):
        scores = model.score(stage.attention, index < 3)
        mean = (scores / scores.sum(-1, keepdim=True)).mean(1)
        low, high = mean.amin(1, keepdim=True), mean.amax(1, keepdim=True)
        found = maps[f"stage {index + 1}"]
        assert found.shape[1:] == stage.grid
        assert torch.allclose(found.flatten(1), (mean - low) / (high - low))
    query, key = model.backbone(images)[3].attention[-1]
    looks = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1)
    assert looks.shape[-2:] == (5, 5)
    received = looks.sum((1, 2))[:, 1:]
    found = maps["last block"].flatten(1)
    assert found.argsort(1).tolist() == received.argsort(1).tolist()
    assert found.amin(1).tolist() == [0, 0]
    assert found.amax(1).tolist() == pytest.approx([1, 1])


def test_a_map_that_is_flat_but_for_rounding_is_empty(inputs: Inputs) -> None:
    model = make().eval()
    for weight in model.parameters():
        torch.nn.init.zeros_(weight)
    maps = heat_maps(model, inputs(1, 64, torch.float32)[0])
    assert not any(heat.any() for heat in maps.values())


def test_the_last_stages_global_comes_first(inputs: Inputs) -> None:
    model = make().double().eval()
    images, text = inputs(1, 64)
    kept: list[Tensor] = []
    model.norm.register_forward_pre_hook(lambda module, args: kept.append(args[0]))
    with torch.no_grad():
        model(images, text)
        cls = model.backbone(images)[3].tokens[:, :1]
        views = model.text_in(text)
    expected = cls + (cls @ views.transpose(1, 2)).softmax(-1) @ views
    assert torch.allclose(kept[0][:, :1], expected)


@pytest.mark.parametrize("shape", [(2, 3, 768), (1, 4, 768), (2, 4, 767), (2, 4 * 768)])
def test_text_of_another_shape_is_refused(shape: tuple[int, ...], inputs: Inputs) -> None:
    with pytest.raises(StickerworksError, match="text features of shape"):
        make()(inputs(2, 64, torch.float32)[0], torch.zeros(shape))


def test_images_of_an_odd_side_or_too_few_patches_are_refused(inputs: Inputs) -> None:
    text = inputs(1, 64, torch.float32)[1]
    with pytest.raises(StickerworksError, match="80 x 64"):
        make()(torch.zeros(1, 3, 64, 80), text)
    with pytest.raises(StickerworksError, match="too few patches for alpha 4"):
        make(alpha=4)(torch.zeros(1, 3, 32, 96), text)


def test_total_loss_is_the_equation(inputs: Inputs) -> None:
    model = make().double().eval()
    output = model(*inputs(2, 64))
    config = MghftConfig(**{**vars(model.config), "label_smoothing": 0.2})
    shares = output.logits.log_softmax(-1)
    target = torch.full((2, 7), 0.2 / 7, dtype=torch.float64)
    target[0, 3] += 0.8
    target[1, 6] += 0.8
    expected = -(target * shares).sum(1).mean() + 0.5 * output.alignment
    assert total_loss(output, torch.tensor([3, 6]), config).item() == pytest.approx(expected.item())
