"""Att2PL as a baseline: how it reads a release, learns, scores and shows where it looks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from pipeline.baselines.att2pl.config import ATTRIBUTES, PRESETS, Att2plConfig
from pipeline.baselines.att2pl.losses import confidence, total_loss
from pipeline.baselines.att2pl.model import Att2pl
from pipeline.training.arrays import Images
from pipeline.training.loop import Schedule
from pipeline.training.tag_rows import TextViews
from pipeline.training.tagger import AttentiveTagger, Inputs
from pipeline.training.texts import TextSpec


class Att2plTagger(AttentiveTagger[Att2plConfig, Att2pl]):
    """The tagger around ``Att2pl``."""

    name = "att2pl"
    doc = "Att2PL (StickerTAG): Swin-T, local re-attention, prompts of four descriptions, penalty."
    presets = PRESETS

    def build(self, settings: Att2plConfig, tags: int, pretrained: bool) -> Att2pl:
        return Att2pl(settings, tags, pretrained)

    def schedule(self, settings: Att2plConfig, batches: int) -> Schedule:
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

    def loss(self, model: Att2pl, inputs: Inputs, truth: Tensor) -> Tensor:
        settings = model.config
        output = model(inputs.images, inputs.text)
        original = None
        # Without attention both passes are one, and nothing can fall.
        if settings.penalty != "none" and settings.attention != "none":
            original = model.original_logits(inputs.images, inputs.text)
        reconstruction = output.reconstruction if settings.lambda_rec > 0 else None
        return total_loss(output.logits, original, reconstruction, truth, settings)

    def scores(self, model: Att2pl, inputs: Inputs) -> Tensor:
        return confidence(model(inputs.images, inputs.text).logits, model.config.main_loss)

    def texts(self, settings: Att2plConfig) -> TextViews | None:
        if not settings.prompt:
            return None
        spec = TextSpec(settings.text_encoder, settings.text_dim, settings.text_length)
        return TextViews(ATTRIBUTES, spec)

    def augment(self, image: Images, random: np.random.Generator, settings: Att2plConfig) -> Images:
        """Move an image by a few pixels over white; text on stickers forbids a mirror."""
        shift = settings.shift
        down, right = random.integers(0, 2 * shift + 1, 2)
        padded = np.pad(image, ((shift, shift), (shift, shift), (0, 0)), constant_values=255)
        return padded[down : down + len(image), right : right + len(image)]

    def heat_maps(self, model: Att2pl, inputs: Inputs) -> Mapping[str, Tensor]:
        """R on the grid of patches, 1 where no surroundings explain a patch (section 4.3)."""
        renewed = model(inputs.images, inputs.text).renewed
        if renewed is None:
            return {}
        grid = model.encoder.grid
        return {"renewed attention": renewed.reshape(-1, grid, grid)}


BASELINE = Att2plTagger()
