"""A torch baseline: mean colours of patches, and a linear layer, trained in the shared loop."""

from pydantic.dataclasses import dataclass
from torch import nn

from stickerworks.plugins import Schedule, TorchTagger


@dataclass(frozen=True)
class Settings:
    epochs: int = 40
    batch_size: int = 8
    image_side: int = 32
    learning_rate: float = 0.05


class Patches(TorchTagger):
    name, doc = "patches", "Mean colours of 4 x 4 patches and a linear layer."
    presets = {"tiny": Settings()}

    def build(self, settings, tags, pretrained):
        pool = nn.AvgPool2d(settings.image_side // 4)
        return nn.Sequential(pool, nn.Flatten(), nn.Linear(3 * 4 * 4, tags))

    def schedule(self, settings, batches):
        return Schedule(settings.epochs, batches, settings.learning_rate)

    def loss(self, model, inputs, truth):
        return nn.functional.binary_cross_entropy_with_logits(model(inputs.images), truth)

    def scores(self, model, inputs):
        return model(inputs.images).sigmoid()


BASELINE = Patches()
