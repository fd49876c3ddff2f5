"""What is trained and saved: the video UNet and the running average of its trained weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pipeline.baselines.sti.config import StiConfig
from pipeline.baselines.sti.layer import MixedLayer
from pipeline.baselines.sti.unet import build_unet, is_temporal, load_base


class VideoDenoiser(nn.Module):
    """Noisy latents (B, C, F, h, w), timesteps (B,), text (B, L, D) to a prediction of that shape.

    The averages are buffers, so that a checkpoint holds them. ``pretrained`` is false when the
    weights of a run follow: nothing is then fetched. Raises StickerworksError as ``load_base``.
    """

    def __init__(self, config: StiConfig, pretrained: bool) -> None:
        super().__init__()
        self.config = config
        self.unet = build_unet(config)
        if pretrained and config.base:
            load_base(self.unet, config)
        for name, weight in self.unet.named_parameters():
            weight.requires_grad_(config.trained == "all" or is_temporal(name))
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        for name, weight in self._trained():
            self.register_buffer(_buffer(name), weight.detach().clone())

    def forward(self, noisy: Tensor, timesteps: Tensor, text: Tensor) -> Tensor:
        half = self.config.bf16 and noisy.is_cuda
        with torch.autocast(noisy.device.type, torch.bfloat16, enabled=half):
            predicted: Tensor = self.unet(noisy, timesteps, text, return_dict=False)[0]
        return predicted.float()

    def follow(self) -> None:
        """Move the averages after a step of the optimizer; the first ones move fast.

        Weights of mixing that a step took out of 0 to 1 go back to the nearer end before.
        """
        for module in self.unet.modules():
            if isinstance(module, MixedLayer):
                module.alpha.data.clamp_(0, 1)
        self.steps += 1
        done = int(self.steps)
        decay = min(self.config.average, (1 + done) / (10 + done))
        for name, weight in self._trained():
            self.get_buffer(_buffer(name)).lerp_(weight.detach(), 1 - decay)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Compute with the averages, in evaluation mode, and put back what was before."""
        was_training = self.training
        self._swap()
        self.eval()
        try:
            yield
        finally:
            self._swap()
            self.train(was_training)

    def _swap(self) -> None:
        for name, weight in self._trained():
            average = self.get_buffer(_buffer(name))
            weight.data, average.data = average.data, weight.data

    def _trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        return (
            (name, weight) for name, weight in self.unet.named_parameters() if weight.requires_grad
        )


def _buffer(name: str) -> str:
    # A buffer's name may hold no dot.
    return f"average:{name.replace('.', ':')}"
