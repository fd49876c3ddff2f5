"""MGHFT as a baseline: how it learns tags, is judged, and shows where it looks (section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from pipeline.baselines.mghft.attention import heat_maps
from pipeline.baselines.mghft.config import PRESETS, VIEWS, MghftConfig
from pipeline.baselines.mghft.model import Mghft, MghftOutput, total_loss
from pipeline.baselines.mghft.pretrained import follow_checkpoint, load_start
from pipeline.baselines.mghft.text import view_texts
from pipeline.engine.images import IMAGENET_MEAN, IMAGENET_STD
from pipeline.training.arrays import Images, Scores, Truth
from pipeline.training.augment import mirror, rand_augment
from pipeline.training.classification import hit_rate, is_single_label, metrics_of_scores
from pipeline.training.contract import Selection, Table
from pipeline.training.loop import Schedule
from pipeline.training.metrics import mean_average_precision
from pipeline.training.processes import process_count
from pipeline.training.tag_rows import TextViews
from pipeline.training.tagger import AttentiveTagger, Inputs
from pipeline.training.texts import TextSpec


class MghftTagger(AttentiveTagger[MghftConfig, Mghft]):
    """The tagger around ``Mghft``."""

    name = "mghft"
    doc = "MGHFT: pyramid vision transformer fused with four views of text; emotions, or tags."
    presets = PRESETS

    def build(self, settings: MghftConfig, tags: int, pretrained: bool) -> Mghft:
        """Raises StickerworksError when its first weights can't be had."""
        model = Mghft(replace(settings, classes=tags))
        if pretrained and settings.pretrained is not None:
            load_start(model, settings.pretrained)
        return model

    def resolve(self, settings: MghftConfig) -> tuple[MghftConfig, tuple[str, ...]]:
        return follow_checkpoint(settings)

    def schedule(self, settings: MghftConfig, batches: int) -> Schedule:
        """AdamW under a cosine after a linear warm-up; the rate starts and ends at the least.

        The rate goes with the stickers of a step (processes x accumulate x batch), as the released
        code scales it; that one moves the rate once an epoch, this one every step. A short run
        warms up for half of its steps at most.
        """
        stickers = process_count() * settings.accumulate * settings.batch_size
        rate = settings.learning_rate * stickers / settings.rate_batch
        steps = -(-batches // settings.accumulate)
        return Schedule(
            epochs=settings.epochs,
            batches_per_epoch=batches,
            learning_rate=rate,
            weight_decay=settings.weight_decay,
            warmup_steps=min(settings.warmup_epochs * steps, settings.epochs * steps // 2),
            floor=min(settings.least_learning_rate, rate),
            accumulate=settings.accumulate,
            bf16=settings.bf16,
        )

    def groups(self, model: nn.Module) -> list[dict[str, Any]]:
        """Weight decay for matrices and positions, none for biases and norms (released code)."""
        learning = [weight for weight in model.parameters() if weight.requires_grad]
        return [
            {"params": [weight for weight in learning if weight.ndim > 1]},
            {"params": [weight for weight in learning if weight.ndim <= 1], "weight_decay": 0.0},
        ]

    def selection(self, settings: MghftConfig) -> Selection:
        return Selection("accuracy", "test" if settings.select_on == "test" else "validation")

    def texts(self, settings: MghftConfig) -> TextViews:
        """The frozen text encoder: the mean of its last four layers, over tokens (section 3.2)."""
        spec = TextSpec(
            name=settings.text_encoder,
            dim=settings.text_dim,
            length=settings.text_length,
            layers=4,
            pool=settings.pool,
        )
        return TextViews(VIEWS, spec, lambda texts: view_texts(texts, settings.views))

    def augment(self, image: Images, random: np.random.Generator, settings: MghftConfig) -> Images:
        """Mirror and RandAugment.

        The released code also crops to as little as a twelfth of the area, which may leave nothing
        of a sticker's face.
        """
        image = mirror(image, random, settings.mirror_chance)
        return rand_augment(image, random, settings.augment_operations, settings.augment_magnitude)

    def repeats(self, settings: MghftConfig) -> int:
        return settings.repeats

    def loss(self, model: Mghft, inputs: Inputs, truth: Tensor) -> Tensor:
        """Eq. 9 with soft targets: the paper's loss for rows of one tag.

        A row without a tag that is learnt takes part in the alignment alone.
        """
        output = _run(model, inputs)
        tagged = truth.any(1)
        if not tagged.any():
            return model.config.alignment_weight * output.alignment
        judged = MghftOutput(output.logits[tagged], output.alignment)
        return total_loss(judged, soft_targets(truth[tagged]), model.config)

    def scores(self, model: Mghft, inputs: Inputs) -> Tensor:
        """Shares of the tags, which sum to 1: (B, tags)."""
        return _run(model, inputs).logits.float().softmax(-1)

    def figures(self, scores: Scores, truth: Truth) -> dict[str, float]:
        """Accuracy (the highest score is of a row's tag) and mAP, and F1 for rows of one tag."""
        accuracy, precision = hit_rate(scores, truth), mean_average_precision(scores, truth)
        if not is_single_label(truth):
            return {"accuracy": accuracy, "map": precision}
        classes = metrics_of_scores(scores, truth)
        return {
            "accuracy": accuracy,
            "macro F1": classes.macro_f1,
            "map": precision,
            "weighted F1": classes.weighted_f1,
            "weighted precision": classes.weighted_precision,
        }

    def tables(self, scores: Scores, truth: Truth, tags: Sequence[str]) -> Table:
        """For rows of one tag: precision, recall and F1 of each, and what it was taken for."""
        if not is_single_label(truth):
            return {}
        found = metrics_of_scores(scores, truth)
        judged = zip(tags, found.precision, found.recall, found.f1, strict=True)
        rows: dict[str, Mapping[str, float]] = {
            tag: {"precision": precision, "recall": recall, "F1": f1}
            for tag, precision, recall, f1 in judged
        }
        taken = zip(tags, found.confusion.tolist(), strict=True)
        return rows | {f"true {tag}": dict(zip(tags, counts, strict=True)) for tag, counts in taken}

    def heat_maps(self, model: Mghft, inputs: Inputs) -> dict[str, Tensor]:
        """Where the model looks: (B, h, w) for each stage and for the last block (Figure 7)."""
        return heat_maps(model, _normalise(inputs.images))


def soft_targets(truth: Tensor) -> Tensor:
    """Tags (B, T) of 0 and 1 as shares: a row's tags have equal parts of 1."""
    return truth / truth.sum(1, keepdim=True).clamp(min=1)


def _run(model: nn.Module, inputs: Inputs) -> MghftOutput:
    output: MghftOutput = model(_normalise(inputs.images), inputs.text)
    return output


def _normalise(images: Tensor) -> Tensor:
    # As PVT-small was trained.
    mean, std = (images.new_tensor(part)[:, None, None] for part in (IMAGENET_MEAN, IMAGENET_STD))
    return (images - mean) / std


BASELINE = MghftTagger()
