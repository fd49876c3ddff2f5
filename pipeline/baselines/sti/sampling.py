"""Clips drawn from captions, and sheets of them for people to look at while a model learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pipeline.baselines.sti.config import StiConfig
from pipeline.baselines.sti.data import captions_of
from pipeline.baselines.sti.diffusion import Diffusion, start_noise
from pipeline.baselines.sti.latents import Codec
from pipeline.baselines.sti.model import VideoDenoiser
from pipeline.engine.atomic_files import atomic_file
from pipeline.training.arrays import Images
from pipeline.training.clips import tile_clips, write_gif
from pipeline.training.examples import Examples
from pipeline.training.texts import text_features


@dataclass(frozen=True)
class ClipSampler:
    """What turns captions into clips beside a model."""

    config: StiConfig
    diffusion: Diffusion
    codec: Codec


def draw_clips(
    model: VideoDenoiser, sampler: ClipSampler, captions: Sequence[str], seed: int
) -> list[Images]:
    """A clip (F, side, side, 3) for each caption, by the averaged weights.

    The seed and a caption's place decide; torch's own generator is left alone.
    """
    config = sampler.config
    text = text_features([*captions, ""], config.text_spec)
    device = next(model.parameters()).device
    empty = torch.from_numpy(np.array(text[len(captions)])).to(device)
    clips: list[Images] = []
    with torch.inference_mode(), model.averaged():
        for start in range(0, len(captions), config.batch_size):
            chosen = range(start, min(start + config.batch_size, len(captions)))
            noise = start_noise(seed, chosen, config.latent_shape).to(device)
            led = torch.from_numpy(text[np.array(chosen)]).to(device)
            latents = sampler.diffusion.sample(model, noise, led, empty)
            clips += [sampler.codec.decode(one) for one in latents]
    return clips


def write_samples(
    model: VideoDenoiser, sampler: ClipSampler, examples: Examples, path: Path, count: int = 4
) -> None:
    """A GIF of the first few rows: above as they are, below as drawn from their captions."""
    shown = range(min(count, len(examples)))
    if not shown:
        return
    captions = [captions_of(examples)[row] for row in shown]
    real = [examples.frames[row] for row in shown]
    with atomic_file(path) as temporary:
        write_gif(
            temporary, tile_clips([*real, *draw_clips(model, sampler, captions, 0)], len(shown))
        )
