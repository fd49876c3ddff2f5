"""Running averages: they follow each step, serve judging and sampling, and are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.baselines.sti.model import VideoDenoiser
from pipeline.baselines.sti.presets import PRESETS
from pipeline.training.checkpoint import load_weights, save_weights

CONFIG = replace(PRESETS["tiny"], channels=(16, 16), average=0.9)
NAME = "conv_in.weight"


def test_averages_move_as_defined_and_fast_at_first() -> None:
    model = VideoDenoiser(CONFIG, pretrained=True)
    weight = model.unet.get_parameter(NAME)
    expected = weight.detach().clone()
    for step in range(1, 121):
        with torch.no_grad():
            weight.add_(1.0)
        model.follow()
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight.detach()
    with model.averaged():
        torch.testing.assert_close(model.unet.get_parameter(NAME).detach(), expected)
    # Nine tenths: the average is nine steps behind in the long run.
    torch.testing.assert_close(
        weight.detach() - expected, torch.full_like(expected, 9.0), atol=0.05, rtol=0
    )


def test_weights_and_mode_come_back_also_after_an_error() -> None:
    model = VideoDenoiser(CONFIG, pretrained=True).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        model.unet.get_parameter(NAME).add_(1.0)
    kept = model.unet.get_parameter(NAME).clone()

    def fail() -> None:
        with model.averaged():
            assert not model.training
            assert torch.equal(model.unet.get_parameter(NAME), before[f"unet.{NAME}"])
            raise ValueError("meant")

    with pytest.raises(ValueError, match="meant"):
        fail()
    assert model.training
    assert torch.equal(model.unet.get_parameter(NAME), kept)


def test_a_file_of_weights_holds_the_averages(tmp_path: Path) -> None:
    model = VideoDenoiser(CONFIG, pretrained=True)
    with torch.no_grad():
        model.unet.get_parameter(NAME).add_(1.0)
    model.follow()
    save_weights(tmp_path / "model.safetensors", model)
    other = VideoDenoiser(CONFIG, pretrained=False)
    load_weights(tmp_path / "model.safetensors", other)
    assert int(other.steps) == 1
    with model.averaged(), other.averaged():
        kept, restored = (one.unet.get_parameter(NAME) for one in (model, other))
        assert torch.equal(kept, restored)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_frozen_weights_have_no_average(on_base) -> None:  # type: ignore[no-untyped-def]
    model = VideoDenoiser(on_base(), pretrained=False)
    averages = [name for name in model.state_dict() if name.startswith("average:")]
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert len(averages) == len(trained) < len(list(model.parameters()))


def test_weights_of_mixing_stay_within_0_and_1() -> None:
    model = VideoDenoiser(replace(PRESETS["tiny"], temporal="videoldm"), pretrained=True)
    low, high = (
        model.unet.down_blocks[0].temp_convs[0],
        model.unet.down_blocks[0].temp_attentions[0],
    )
    nn.init.constant_(low.alpha, -0.2)
    nn.init.constant_(high.alpha, 1.3)
    model.follow()
    assert (float(low.alpha), float(high.alpha)) == (0, 1)
