"""Parity with the released architecture: logits, losses and gradients to 1e-6 in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.baselines.mghft.config import PRESETS
from pipeline.baselines.mghft.model import Mghft, MghftOutput, total_loss
from pipeline.baselines.mghft.names import our_name
from pipeline.baselines.mghft.pretrained import fill_start

RELEASED = replace(
    PRESETS["paper"],
    image_side=224,
    drop_path=0.0,
    fusion_dropout=0.0,
    label_smoothing=0.0,
    stage4_text="stale",
)
LABELS = torch.tensor([1, 2])
Run = tuple[Mghft, MghftOutput, Tensor]


@pytest.fixture(scope="module")
def released_run(
    golden: dict[str, Any], released_weights: dict[str, Tensor], inputs: Callable[..., Any]
) -> Run:
    """The golden forward and backward pass, made by our model."""
    model = Mghft(RELEASED).double().eval()
    fill_start(model, released_weights, "these weights")
    output = model(*inputs(2, golden["image_size"]))
    loss = total_loss(output, LABELS, RELEASED)
    loss.backward()  # type: ignore[no-untyped-call]
    return model, output, loss.detach()


def test_logits_agree(golden: dict[str, Any], released_run: Run) -> None:
    for ours, theirs in zip(released_run[1].logits.tolist(), golden["logits"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)


def test_losses_agree(golden: dict[str, Any], released_run: Run) -> None:
    _, output, loss = released_run
    assert output.alignment.item() == pytest.approx(golden["alignment_loss"], rel=1e-6)
    assert loss.item() == pytest.approx(golden["total_loss_labels_1_2"], rel=1e-6)


def test_six_gradient_norms_agree(golden: dict[str, Any], released_run: Run) -> None:
    ours = dict(released_run[0].named_parameters())
    assert len(golden["grad_norms"]) == 6
    for name, norm in golden["grad_norms"].items():
        gradient = ours[str(our_name(name))].grad
        assert gradient is not None
        assert gradient.norm().item() == pytest.approx(norm, rel=1e-6), name


def test_naive_selection_gives_the_same_logits(
    released_run: Run,
    released_weights: dict[str, Tensor],
    inputs: Callable[..., Any],
    naive: ModuleType,
) -> None:
    model = Mghft(RELEASED, naive.naive_scores).double().eval()
    fill_start(model, released_weights, "these weights")
    with torch.no_grad():
        logits = model(*inputs(2, 224)).logits
    assert torch.allclose(logits, released_run[1].logits, rtol=1e-9)


def test_the_papers_reading_aligns_alike_and_gives_other_logits(
    golden: dict[str, Any],
    released_run: Run,
    released_weights: dict[str, Tensor],
    inputs: Callable[..., Any],
) -> None:
    model = Mghft(PRESETS["paper"]).double().eval()
    fill_start(model, released_weights, "these weights")
    with torch.no_grad():
        output = model(*inputs(2, 224))
    assert output.alignment.item() == pytest.approx(golden["alignment_loss"], rel=1e-6)
    assert not torch.allclose(output.logits, released_run[1].logits, rtol=1e-6)
