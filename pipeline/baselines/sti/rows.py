"""Rows as the network sees them: latents and captions, in batches, and the loss of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.baselines.sti.config import StiConfig
from pipeline.baselines.sti.data import captions_of
from pipeline.baselines.sti.diffusion import Diffusion
from pipeline.baselines.sti.latents import Codec, Latents, open_latents
from pipeline.baselines.sti.model import VideoDenoiser
from pipeline.training.arrays import Floats
from pipeline.training.examples import Examples
from pipeline.training.loading import Batch
from pipeline.training.texts import TextFeatures, text_features


@dataclass(frozen=True)
class ClipRows:
    """Rows of a split: latents by row, and features of their captions with the empty one last."""

    ids: tuple[str, ...]
    latents: Latents
    text: TextFeatures

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def empty(self) -> Tensor:
        """The empty caption (L, D)."""
        return torch.from_numpy(np.array(self.text[len(self)]))

    def draw(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Latents (B, C, F, h, w) and text (B, L, D) of some rows."""
        latents = torch.stack([self.latents(int(row)) for row in rows])
        return latents, torch.from_numpy(self.text[rows])


def open_rows(examples: Examples, codec: Codec, config: StiConfig) -> ClipRows:
    """Rows with latents and text features at hand; raises StickerworksError as the encoders do."""
    captions = [*captions_of(examples), ""]
    text = text_features(captions, config.text_spec)
    return ClipRows(examples.ids, open_latents(codec, examples), text)


def draw_batch(
    rows: ClipRows, diffusion: Diffusion, config: StiConfig, key: tuple[int, int, int]
) -> Batch:
    """Latents, text, noise and timesteps of a batch by (seed, epoch, number).

    Each row comes once an epoch; some lose their caption, for classifier-free guidance. Noise
    comes from torch's generator, as the loop has seeded it.
    """
    seed, epoch, number = key
    order = np.random.default_rng((seed, epoch)).permutation(len(rows))
    chosen = order[number * config.batch_size :][: config.batch_size]
    latents, text = rows.draw(chosen)
    dropped = np.random.default_rng(key).random(len(chosen)) < config.caption_dropout
    text[torch.from_numpy(dropped)] = rows.empty
    noised = diffusion.draw(latents.shape)
    return latents, text, noised.noise, noised.timesteps


def row_losses(
    model: VideoDenoiser, diffusion: Diffusion, rows: ClipRows, config: StiConfig
) -> Floats:
    """Denoising losses (draws, rows) of the averaged weights, at noise that an id fixes.

    Draw n covers the n-th share of the timesteps, from little noise to noise alone.
    """
    device = next(model.parameters()).device
    parts = []
    with torch.inference_mode(), model.averaged():
        for start in range(0, len(rows), config.batch_size):
            chosen = np.arange(start, min(start + config.batch_size, len(rows)))
            latents, text = (part.to(device) for part in rows.draw(chosen))
            ids = [rows.ids[row] for row in chosen]
            found = [
                diffusion.losses(model, latents, text, noised.to(device))
                for noised in diffusion.draw_fixed(ids, config.latent_shape)
            ]
            parts.append(torch.stack(found).double().cpu().numpy())
    losses: Floats = np.concatenate(parts, 1)
    return losses
