"""The video UNet: what is replaced, how large it is, and that it starts as its 2-D part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel, UNet3DConditionModel
from diffusers.models.resnet import TemporalConvLayer
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel
from torch import Tensor, nn

from pipeline.baselines.sti.config import StiConfig
from pipeline.baselines.sti.layer import MixedLayer, StiLayer, StiTransformer
from pipeline.baselines.sti.model import VideoDenoiser
from pipeline.baselines.sti.presets import PRESETS
from pipeline.baselines.sti.unet import build_unet, is_temporal
from pipeline.engine.errors import StickerworksError

Make = Callable[..., StiConfig]
FRAMES = 8
# Of the largest value. Forty layers of float32 round to 1e-6 of it, and whether a weight is frozen
# is enough for other sums; a layer too few or too many changes a tenth of it or more.
ROUNDING = 1e-5


def count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def build_on_meta(config: StiConfig) -> nn.Module:
    with torch.device("meta"):
        return build_unet(config)


def inputs(config: StiConfig, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Two clips of noise, their timesteps and texts."""
    torch.manual_seed(seed)
    text = torch.randn(2, config.text_length, config.text_dim)
    return torch.randn(2, *config.latent_shape), torch.tensor([3, 700]), text


def predict(unet: nn.Module, given: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    with torch.no_grad():
        found: Tensor = unet.eval()(*given).sample
    return found


def apart(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    return float((found - expected).abs().max() / expected.abs().max())


def frame_by_frame(flat: nn.Module, given: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    clips, timesteps, text = given
    with torch.no_grad():
        frames = [flat(clips[:, :, n], timesteps, text).sample for n in range(clips.shape[2])]
    return torch.stack(frames, 2)


class Unchanged(nn.Module):
    """Stands where a temporal layer was and hands on what it gets."""

    def __init__(self, wrap: bool) -> None:
        super().__init__()
        self.wrap = wrap

    def forward(self, hidden_states: Tensor, **rest: Any) -> Any:
        return (hidden_states,) if self.wrap else hidden_states


@pytest.mark.parametrize(
    ("name", "changes", "weights", "layers"),
    [
        ("paper", {"placement": "replace"}, 1_113_900_496, 38),
        ("paper", {}, 1_411_233_860 + 86_782_752 + 38, 16),
        ("paper", {"temporal": "videoldm"}, 1_411_233_860 + 38, 0),
        ("paper", {"temporal": "modelscope"}, 1_411_233_860, 0),
        ("small", {}, 23_299_600, 18),
        ("small", {"temporal": "modelscope"}, 28_721_996, 0),
        ("tiny", {}, 1_094_564, 12),
        ("tiny", {"temporal": "modelscope"}, 1_331_276, 0),
        ("tiny", {"temporal": "videoldm"}, 1_331_276 + 12, 0),
    ],
)
def test_each_preset_has_its_size(name: Any, changes: Any, weights: int, layers: int) -> None:
    unet = build_on_meta(replace(PRESETS[name], **changes))
    assert count(unet) == weights
    assert sum(isinstance(module, StiLayer) for module in unet.modules()) == layers


def test_sti_replaces_every_temporal_layer_but_the_first() -> None:
    before = build_on_meta(replace(PRESETS["paper"], temporal="modelscope"))
    after = build_on_meta(replace(PRESETS["paper"], placement="replace"))

    def places(unet: nn.Module, *kinds: type) -> list[str]:
        return [name for name, module in unet.named_modules() if isinstance(module, kinds)]

    convolutions = places(before, TemporalConvLayer)
    transformers = places(before, TransformerTemporalModel)
    assert (len(convolutions), len(transformers)) == (22, 17)
    assert places(after, TransformerTemporalModel) == ["transformer_in"]
    assert not places(after, TemporalConvLayer)
    assert places(after, StiTransformer) == [n for n in transformers if n != "transformer_in"]
    assert {*convolutions} < {*places(after, StiLayer)}


def test_the_default_is_the_nearest_to_the_papers_size() -> None:
    vae, text_encoder, theirs = 83_653_863, 340_387_840, {"videoldm": 1.835e9, "sti": 1.856e9}

    def size(**changes: Any) -> int:
        return count(build_on_meta(replace(PRESETS["paper"], **changes))) + vae + text_encoder

    assert size(temporal="videoldm") == pytest.approx(theirs["videoldm"], abs=0.0005e9)
    off = {name: size(placement=name) - theirs["sti"] for name in ("beside", "replace")}
    assert {name: round(by / 1e6) for name, by in off.items()} == {"beside": 66, "replace": -318}
    assert PRESETS["paper"].placement == "beside"


def test_sti_stands_beside_the_temporal_attentions_that_stay() -> None:
    unet = build_on_meta(PRESETS["paper"])
    mixed = {name for name, module in unet.named_modules() if isinstance(module, MixedLayer)}
    beside = {name for name in mixed if unet.get_submodule(name).sti is not None}
    assert (len(mixed), len(beside)) == (38, 16)
    assert all("temp_attentions" in name for name in beside)
    assert sum(isinstance(module, TemporalConvLayer) for module in unet.modules()) == 22
    assert sum(isinstance(module, TransformerTemporalModel) for module in unet.modules()) == 17


def test_without_its_temporal_part_the_papers_unet_is_stable_diffusion_2() -> None:
    with torch.device("meta"):
        flat = UNet2DConditionModel(
            block_out_channels=(320, 640, 1280, 1280),
            cross_attention_dim=1024,
            attention_head_dim=(5, 10, 20, 20),
            use_linear_projection=True,
        )
    video = build_on_meta(PRESETS["paper"]).state_dict()
    still = {name: value.shape for name, value in video.items() if not is_temporal(name)}
    assert still == {name: value.shape for name, value in flat.state_dict().items()}
    assert count(flat) == 865_910_724


@pytest.mark.parametrize(
    "changes",
    [
        {"placement": "beside"},
        {"placement": "replace"},
        {"temporal": "videoldm"},
        {"temporal": "modelscope"},
    ],
)
def test_it_starts_as_the_2d_model_drawing_each_frame(
    on_base: Make, base: Path, changes: Any
) -> None:
    config = on_base(**changes)
    flat = UNet2DConditionModel.from_pretrained(base, subfolder="unet").eval()
    unet = VideoDenoiser(config, pretrained=True).unet
    given = inputs(config)
    assert apart(predict(unet, given), frame_by_frame(flat, given)) < ROUNDING


def test_new_layers_do_as_if_they_were_not_there() -> None:
    config = replace(PRESETS["tiny"], frames=FRAMES)
    unet = build_unet(config)
    # Here it does something, as in a base that was trained on videos.
    nn.init.normal_(unet.transformer_in.proj_out.weight, std=0.3)
    given = inputs(config)
    found = predict(unet, given)
    for module in list(unet.modules()):
        if hasattr(module, "temp_convs"):
            module.temp_convs = nn.ModuleList(Unchanged(False) for _ in module.temp_convs)
        if hasattr(module, "temp_attentions"):
            module.temp_attentions = nn.ModuleList(Unchanged(True) for _ in module.temp_attentions)
    assert apart(found, predict(unet, given)) < ROUNDING


def test_the_first_frame_reaches_the_last_through_the_semantic_branch_alone() -> None:
    config = replace(PRESETS["tiny"], frames=FRAMES)
    torch.manual_seed(0)
    unet = build_unet(config)
    clips, timesteps, text = inputs(config)
    other = clips.clone()
    other[:, :, 0] += 1

    def reaches_last() -> float:
        before, after = (predict(unet, (part, timesteps, text)) for part in (clips, other))
        return float((after - before)[:, :, -1].abs().max())

    assert reaches_last() == 0
    for module in unet.modules():
        if isinstance(module, StiLayer):
            nn.init.constant_(module.semantic_weight, 1.0)
    assert reaches_last() > 1e-4


def test_a_video_base_keeps_the_temporal_layers_that_are_still_there(
    on_base: Make, base: Path, tmp_path: Path
) -> None:
    config = on_base(base=str(tmp_path), temporal="modelscope")
    torch.manual_seed(1)
    video = UNet3DConditionModel(
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        block_out_channels=(16, 32),
        layers_per_block=1,
        attention_head_dim=8,
        norm_num_groups=8,
        cross_attention_dim=16,
    )
    video.save_pretrained(tmp_path / "unet")
    (tmp_path / "scheduler").symlink_to(base / "scheduler")
    given = inputs(config)
    expected = predict(video, given)
    for changes in ({"temporal": "modelscope"}, {"temporal": "videoldm"}, {"placement": "beside"}):
        kept = VideoDenoiser(on_base(base=str(tmp_path), **changes), pretrained=True).unet
        assert apart(predict(kept, given), expected) < ROUNDING
    sti = VideoDenoiser(on_base(base=str(tmp_path), placement="replace"), pretrained=True).unet
    own = video.transformer_in.state_dict()
    assert all(torch.equal(value, own[k]) for k, value in sti.transformer_in.state_dict().items())
    assert apart(predict(sti, given), expected) > 0.1


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"channels": (16, 48)}, "of another shape"),
        ({"layers_per_block": 2}, "of another shape"),
        ({"head_dim": 4}, "of another shape"),
        ({"prediction": "epsilon"}, "trained to predict v_prediction, not epsilon"),
        ({"base": "/nowhere/at/all"}, "can't be had"),
    ],
)
def test_a_base_that_does_not_fit_is_refused(on_base: Make, changes: Any, what: str) -> None:
    with pytest.raises(StickerworksError, match=what):
        VideoDenoiser(on_base(**changes), pretrained=True)


def test_only_the_temporal_part_learns_unless_everything_is_asked_for(on_base: Make) -> None:
    model = VideoDenoiser(on_base(), pretrained=False)
    learns = {name for name, weight in model.unet.named_parameters() if weight.requires_grad}
    assert learns == {name for name, _ in model.unet.named_parameters() if is_temporal(name)}
    assert learns
    everything = VideoDenoiser(PRESETS["tiny"], pretrained=True)
    assert all(weight.requires_grad for weight in everything.parameters())
