"""A small convolutional network: what a release must beat chance with, in seconds on a CPU."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from pipeline.training.arrays import Images
from pipeline.training.loop import Schedule
from pipeline.training.settings import CHECKED, Count
from pipeline.training.tagger import Inputs, TorchTagger

_SHIFT = 3


@dataclass(frozen=True, config=CHECKED)
class TinySettings:
    """What decides a run beside the data and the seed; ``image_side`` in pixels."""

    epochs: Count = 30
    image_side: int = Field(default=48, ge=8)
    batch_size: Count = 16
    channels: tuple[Count, Count, Count] = (32, 64, 96)
    learning_rate: float = Field(default=3e-3, gt=0, lt=1)


PRESETS = {
    "tiny": TinySettings(),
    "small": TinySettings(epochs=60, image_side=96, batch_size=64, channels=(64, 128, 256)),
}


class TinyNet(nn.Module):
    """Three convolutions, each halving the side; global mean and maximum; one linear layer.

    Input rows x 3 x side x side, 0 to 1; output rows x tags, logits.
    """

    def __init__(self, tags: int, channels: tuple[int, int, int]) -> None:
        super().__init__()
        first, second, third = channels
        # The first layer strides: at full size it would take most of the time.
        self.blocks = nn.Sequential(
            *_block(nn.Conv2d(3, first, 5, stride=2, padding=2, bias=False)),
            *_block(nn.Conv2d(first, second, 3, padding=1, bias=False)),
            nn.MaxPool2d(2),
            *_block(nn.Conv2d(second, third, 3, padding=1, bias=False)),
            nn.MaxPool2d(2),
        )
        self.head = nn.Linear(2 * third, tags)

    def forward(self, images: Tensor) -> Tensor:
        features = self.blocks(images - 0.5)
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1)
        logits: Tensor = self.head(pooled)
        return logits


class Tiny(TorchTagger[TinySettings, TinyNet]):
    """The tagger around ``TinyNet``."""

    name = "tiny"
    doc = "Small CNN on the key frame; binary cross-entropy, AdamW, cosine; seconds on a CPU."
    presets = PRESETS

    def build(self, settings: TinySettings, tags: int, pretrained: bool) -> TinyNet:
        return TinyNet(tags, settings.channels)

    def schedule(self, settings: TinySettings, batches: int) -> Schedule:
        warmup = min(10, batches)
        return Schedule(settings.epochs, batches, settings.learning_rate, warmup_steps=warmup)

    def loss(self, model: TinyNet, inputs: Inputs, truth: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(model(inputs.images), truth)

    def scores(self, model: TinyNet, inputs: Inputs) -> Tensor:
        return torch.sigmoid(model(inputs.images))

    def augment(self, image: Images, random: np.random.Generator, settings: TinySettings) -> Images:
        """Shift an image by a few pixels over white, and mirror it half of the time."""
        down, right = random.integers(0, 2 * _SHIFT + 1, 2)
        side = len(image)
        padded = np.pad(image, ((_SHIFT, _SHIFT), (_SHIFT, _SHIFT), (0, 0)), constant_values=255)
        crop = padded[down : down + side, right : right + side]
        return crop[:, ::-1] if random.random() < 0.5 else crop


def _block(convolution: nn.Conv2d) -> tuple[nn.Module, ...]:
    return convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()


BASELINE = Tiny()
