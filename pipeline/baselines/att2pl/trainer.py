"""Att2PL as a baseline: how it reads a release, learns, scores and shows where it looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from torch import Tensor, nn

from pipeline.baselines.att2pl.config import ATTRIBUTES, PRESETS, Att2plConfig
from pipeline.baselines.att2pl.losses import confidence, total_loss
from pipeline.baselines.att2pl.model import Att2pl
from pipeline.training.arrays import Images
from pipeline.training.loop import Schedule
from pipeline.training.tagger import Inputs, Tagger
from pipeline.training.tagging import tagger_baseline
from pipeline.training.texts import TextSpec


def _views(settings: Att2plConfig) -> tuple[str, ...]:
    return ATTRIBUTES if settings.prompt else ()


def _encoder(settings: Att2plConfig) -> TextSpec | None:
    if not settings.prompt:
        return None
    return TextSpec(settings.text_encoder, settings.text_dim, settings.text_length)


def _schedule(settings: Att2plConfig, batches: int) -> Schedule:
    return Schedule(
        settings.epochs,
        batches,
        settings.learning_rate,
        settings.weight_decay,
        # A short run warms up for half of its steps at most.
        warmup_steps=min(settings.warmup_epochs * batches, settings.epochs * batches // 2),
        floor=settings.least_learning_rate,
        bf16=settings.bf16,
    )


def _loss(model: nn.Module, inputs: Inputs, truth: Tensor) -> Tensor:
    net = cast("Att2pl", model)
    settings = net.config
    output = net(inputs.images, inputs.text)
    original = None
    # Without attention both passes are one, and nothing can fall.
    if settings.penalty != "none" and settings.attention != "none":
        original = net.original_logits(inputs.images, inputs.text)
    reconstruction = output.reconstruction if settings.lambda_rec > 0 else None
    return total_loss(output.logits, original, reconstruction, truth, settings)


def _scores(model: nn.Module, inputs: Inputs) -> Tensor:
    net = cast("Att2pl", model)
    return confidence(net(inputs.images, inputs.text).logits, net.config.main_loss)


def _augment(image: Images, random: np.random.Generator, settings: Att2plConfig) -> Images:
    """Move an image by a few pixels over white; text on stickers forbids a mirror."""
    shift = settings.shift
    down, right = random.integers(0, 2 * shift + 1, 2)
    padded = np.pad(image, ((shift, shift), (shift, shift), (0, 0)), constant_values=255)
    return padded[down : down + len(image), right : right + len(image)]


def _attention(model: nn.Module, inputs: Inputs) -> Mapping[str, Tensor]:
    """R on the grid of patches: 1 where the surroundings don't explain a patch (section 4.3)."""
    net = cast("Att2pl", model)
    renewed = net(inputs.images, inputs.text).renewed
    if renewed is None:
        return {}
    grid = net.encoder.grid
    return {"renewed attention": renewed.reshape(-1, grid, grid)}


TAGGER = Tagger(
    name="att2pl",
    doc="Att2PL (StickerTAG): Swin-T, local re-attention, prompts of four descriptions, penalty.",
    presets=PRESETS,
    model=Att2pl,
    schedule=_schedule,
    loss=_loss,
    scores=_scores,
    views=_views,
    encoder=_encoder,
    augment=_augment,
    attention=_attention,
)

BASELINE = tagger_baseline(TAGGER)
