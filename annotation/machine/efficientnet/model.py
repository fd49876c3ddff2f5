"""The network: transformers' EfficientNet with two classes, and what each preset makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotation.machine.efficientnet.probe import probe_log_odds, with_probe
from annotation.machine.efficientnet.views import Sizing
from annotation.machine.features import FEATURES
from pipeline.engine import efficientnet_lite as lite
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra

CLASSES = ("cartoon", "real")
_REMEDY = (
    "Install them with `make setup`, or `pip install 'stickerworks[domain]'`; or train from "
    "scratch with the preset small."
)


@dataclass(frozen=True)
class Preset:
    """A network and how it is trained; ``width`` and ``depth`` scale B0.

    ``frozen`` blocks, counted from the input, and all batch statistics keep what pretraining
    gave them. With ``statistics`` the plain statistics of features.py join the head. With
    ``probe`` the whole body is frozen, and a regression reads the block of that number instead.
    """

    name: str
    sizing: Sizing
    width: float
    depth: float
    epochs: int
    rate: float
    batch: int = 32
    weight_decay: float = 1e-2
    dropout: float = 0.2
    frozen: int = 0
    statistics: bool = False
    pretrained: str | None = None
    probe: int | None = None


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("paper", Sizing(224, 224, enlarge=True), 1.0, 1.0, epochs=12, rate=3e-4),
        Preset(
            "lite",
            Sizing(224, 224, enlarge=True, mean=lite.MEAN, std=lite.STD),
            1.0,
            1.0,
            epochs=1,
            rate=0.0,
            pretrained="lite0",
            probe=15,
        ),
        Preset(
            "tuned",
            Sizing(160, 160, enlarge=True, mean=lite.MEAN, std=lite.STD),
            1.0,
            1.0,
            epochs=2,
            rate=3e-4,
            frozen=5,
            statistics=True,
            pretrained="lite0",
        ),
        Preset("small", Sizing(96, 160, enlarge=False), 0.35, 0.35, 20, 2e-3, statistics=True),
    )
}


def choose_preset(name: str, pretrained: str | None, epochs: int | None) -> Preset:
    """A preset with what a person asked to be different."""
    if name not in PRESETS:
        raise StickerworksError(
            f"There is no preset {name!r} of the domain classifier.",
            f"Choose one of {', '.join(sorted(PRESETS))}.",
        )
    preset = PRESETS[name]
    if pretrained is not None:
        if pretrained == "lite0" and preset.sizing.mean != lite.MEAN:
            raise StickerworksError(
                f"The weights lite0 don't fit the preset {name}.",
                "Use the presets lite or tuned with them.",
            )
        preset = replace(preset, pretrained=pretrained)
    return preset if epochs is None else replace(preset, epochs=epochs)


def transformers_model() -> Any:
    """transformers' model class and configuration, or how to install them."""
    transformers = need_extra("transformers", "domain", "The EfficientNet domain classifier")
    return transformers.EfficientNetForImageClassification, transformers.EfficientNetConfig


def make_config(preset: Preset) -> Any:
    """transformers' configuration of a preset's network."""
    _, configuration = transformers_model()
    more = lite.lite_settings() if preset.pretrained == "lite0" else {}
    return configuration(
        image_size=preset.sizing.crop,
        width_coefficient=preset.width,
        depth_coefficient=preset.depth,
        hidden_dim=_rounded(1280 * preset.width),
        dropout_rate=preset.dropout,
        drop_connect_rate=0.1,
        # Its default of 0.99 is TensorFlow's sense of the word: in torch it would make the
        # running statistics those of the last batch.
        batch_norm_momentum=0.1,
        id2label=dict(enumerate(CLASSES)),
        label2id={name: number for number, name in enumerate(CLASSES)},
        **more,
    )


def make_model(preset: Preset) -> Any:
    """The network before training, from pretrained weights where the preset names some.

    Chance is torch's global generator, which the caller seeds.
    """
    model_class, _ = transformers_model()
    if preset.pretrained is None:
        model = model_class(make_config(preset))
        _initialise(model)
    elif preset.pretrained == "lite0":
        model = model_class(make_config(preset))
        _initialise(model)
        weights = lite.find_weights(_REMEDY)
        model.load_state_dict(lite.read_lite(weights, model.state_dict(), _REMEDY))
    else:
        model = _from_pretrained(model_class, preset.pretrained)
    return with_heads(model, preset.statistics, preset.probe)


def with_heads(model: Any, statistics: bool, probe: int | None) -> Any:
    """Add what reads more than the last layer, standardised by buffers that travel along."""
    import torch
    from torch import nn

    if probe is not None:
        return with_probe(model, probe)
    if statistics:
        head = nn.Linear(len(FEATURES), len(CLASSES), bias=False)
        nn.init.zeros_(head.weight)
        head.register_buffer("mean", torch.zeros(len(FEATURES)))
        head.register_buffer("scale", torch.ones(len(FEATURES)))
        model.statistics = head
    return model


def logits(model: Any, pixels: Any, statistics: Any) -> Any:
    """Log-odds of real, a number for each row of ``pixels`` (n x 3 x side x side)."""
    if hasattr(model, "probe"):
        return probe_log_odds(model, pixels, statistics)
    both = model(pixel_values=pixels).logits
    if hasattr(model, "statistics"):
        head = model.statistics
        both = both + head((statistics - head.mean) / head.scale)
    return both[:, 1] - both[:, 0]


def _initialise(model: Any) -> None:
    """He's initialisation: transformers' own gives batch norms a scale around 0."""
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


def _from_pretrained(model_class: Any, name: str) -> Any:
    from safetensors import SafetensorError
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return model_class.from_pretrained(
            name,
            num_labels=len(CLASSES),
            id2label=dict(enumerate(CLASSES)),
            label2id={label: number for number, label in enumerate(CLASSES)},
            ignore_mismatched_sizes=True,
            use_safetensors=True,
        )
    # What the hub's client raises for no network, no such name, no login and damaged files.
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        where = "folder" if Path(name).exists() else "name"
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise StickerworksError(
            f"The pretrained weights of the {where} {name!r} can't be had: {reason}.",
            "Check it and the network, or give the folder of a downloaded EfficientNet; the "
            "preset lite uses weights that a package brings.",
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()


def _rounded(channels: float) -> int:
    """As transformers rounds the channels of a scaled layer."""
    whole = max(8, int(channels + 4) // 8 * 8)
    return whole + 8 if whole < 0.9 * channels else whole
