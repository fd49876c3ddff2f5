"""The video UNet: diffusers' with STI layers, and the weights that it starts from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from pipeline.baselines.sti.config import StiConfig
from pipeline.baselines.sti.layer import MixedLayer, StiLayer, StiTransformer
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra
from pipeline.training.pretrained import load_pretrained

TEMPORAL = ("temp_convs", "temp_attentions", "transformer_in")
"""Names of the modules that mix frames."""


def build_unet(config: StiConfig) -> nn.Module:
    """A UNet with random weights that draws each frame as its 2-D part alone would.

    Called with latents (B, C, F, h, w), timesteps (B,) and text (B, L, D), it gives ``.sample``
    like the latents. ``transformer_in`` stays as diffusers made it but for its last projection,
    which starts at 0 as that of every temporal transformer does.
    """
    diffusers = need_extra("diffusers", "baselines", "STI")

    inner = len(config.channels) - 1
    unet: nn.Module = diffusers.UNet3DConditionModel(
        in_channels=config.latent_channels,
        out_channels=config.latent_channels,
        down_block_types=("CrossAttnDownBlock3D",) * inner + ("DownBlock3D",),
        up_block_types=("UpBlock3D",) + ("CrossAttnUpBlock3D",) * inner,
        block_out_channels=config.channels,
        layers_per_block=config.layers_per_block,
        attention_head_dim=config.head_dim,
        norm_num_groups=config.groups,
        cross_attention_dim=config.text_dim,
    )
    if config.temporal != "modelscope":
        _fit_temporal_layers(unet, config)
    _start_without_effect(unet)
    return unet


def load_base(unet: nn.Module, config: StiConfig) -> None:
    """Fill the UNet from ``config.base``.

    From a 2-D UNet (Stable Diffusion 2) everything but the temporal layers; from a 3-D one also
    those that are still there. Raises StickerworksError when the weights can't be had, have
    another shape, or predict something else than ``config.prediction``.
    """
    from diffusers import DDIMScheduler, UNet2DConditionModel, UNet3DConditionModel

    def load(name: str) -> tuple[str, nn.Module]:
        facts = UNet3DConditionModel.load_config(name, subfolder="unet")
        noise = DDIMScheduler.load_config(name, subfolder="scheduler")
        flat = facts.get("_class_name") == "UNet2DConditionModel"
        kind = UNet2DConditionModel if flat else UNet3DConditionModel
        predicted = noise.get("prediction_type", "epsilon")
        # Otherwise diffusers would warn that accelerate isn't there to save memory.
        return predicted, kind.from_pretrained(name, subfolder="unet", low_cpu_mem_usage=False)

    predicted, base = load_pretrained(load, config.base)
    if predicted != config.prediction:
        raise StickerworksError(
            f"{config.base} was trained to predict {predicted}, not {config.prediction}.",
            f"Set prediction to {predicted}.",
        )
    _fill(unet, base, config)


def is_temporal(name: str) -> bool:
    """Whether the parameter of that name belongs to a layer that mixes frames."""
    return any(part in TEMPORAL for part in name.split("."))


def _fit_temporal_layers(unet: nn.Module, config: StiConfig) -> None:
    """Make VideoLDM's temporal layers, or STI layers, of diffusers', but for ``transformer_in``.

    That one is none of VideoLDM's, whose layers VSD2M starts from.
    """
    for module in list(unet.modules()):
        convolutions = getattr(module, "temp_convs", None)
        if convolutions is not None:
            module.temp_convs = nn.ModuleList(_convolution(old, config) for old in convolutions)
        transformers = getattr(module, "temp_attentions", None)
        if transformers is not None:
            module.temp_attentions = nn.ModuleList(
                _transformer(old, config) for old in transformers
            )


def _convolution(old: Any, config: StiConfig) -> nn.Module:
    if config.temporal == "sti" and config.placement == "replace":
        return StiLayer(old.in_dim, config.layer)
    return MixedLayer(old)


def _transformer(old: Any, config: StiConfig) -> nn.Module:
    if config.temporal == "videoldm":
        return MixedLayer(old)
    if config.placement == "replace":
        return StiTransformer(old.in_channels, config.layer)
    return MixedLayer(old, StiLayer(old.in_channels, config.layer))


def _fill(unet: nn.Module, base: nn.Module, config: StiConfig) -> None:
    own = unet.state_dict()
    weights = {_place(name, own): value for name, value in base.state_dict().items()}
    fitting = {
        name: value
        for name, value in weights.items()
        if name in own and own[name].shape == value.shape
    }
    differing = {*own, *weights} - {*fitting}
    # The number of heads shows in no weight's shape.
    differing |= {name for name, heads in _heads(base).items() if _heads(unet).get(name) != heads}
    unfit = sorted(name for name in differing if not is_temporal(name))
    if unfit:
        raise StickerworksError(
            f"The UNet of {config.base} is of another shape: {unfit[0]} doesn't fit.",
            "Set channels, layers_per_block, head_dim and text_dim to those of the base.",
        )
    unet.load_state_dict(fitting, strict=False)
    for name, module in unet.named_modules():
        if isinstance(module, MixedLayer) and any(key.startswith(f"{name}.") for key in fitting):
            # Such a base was trained without mixing.
            nn.init.zeros_(module.alpha)


def _place(name: str, own: Mapping[str, Any]) -> str:
    """Where a weight of diffusers' UNet is in ours, whose temporal layers may be mixed ones."""
    inside = re.sub(r"(temp_(?:convs|attentions)\.\d+)\.", r"\1.temporal.", name)
    return inside if inside in own else name


def _heads(unet: nn.Module) -> dict[str, int]:
    return {name: part.heads for name, part in unet.named_modules() if hasattr(part, "heads")}


def _start_without_effect(unet: nn.Module) -> None:
    """Zero the last projection of the temporal transformers; the convolutions have theirs at 0."""
    from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel

    for module in unet.modules():
        if isinstance(module, TransformerTemporalModel):
            nn.init.zeros_(module.proj_out.weight)
            nn.init.zeros_(module.proj_out.bias)
