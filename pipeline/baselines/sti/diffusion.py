"""Noise: what the network is taught about it, and how clips are drawn out of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.baselines.sti.config import StiConfig
from pipeline.engine.extras import need_extra

Denoise = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Noisy latents (B, C, F, h, w), timesteps (B,) and text (B, L, D) to what is predicted."""

TIMESTEPS = 1000


@dataclass(frozen=True)
class Noised:
    """What one look at latents takes: noise like them, and timesteps (B,) from 0."""

    noise: Tensor
    timesteps: Tensor

    def to(self, device: torch.device) -> Noised:
        return Noised(self.noise.to(device), self.timesteps.to(device))


class Diffusion:
    """Stable Diffusion's noise schedule, with the loss and the sampler that belong to it.

    Betas are linear in their root from 0.00085 to 0.012; DDIM (without noise of its own) starts
    its steps at an offset of 1, or with ``zero_snr`` at the last timestep, which is then noise
    alone.
    """

    def __init__(self, config: StiConfig) -> None:
        diffusers = need_extra("diffusers", "baselines", "STI")
        self.config = config
        self._schedule: Any = diffusers.DDIMScheduler(
            num_train_timesteps=TIMESTEPS,
            beta_schedule="scaled_linear",
            beta_start=0.00085,
            beta_end=0.012,
            steps_offset=1,
            set_alpha_to_one=False,
            # Pixels have limits, a VAE's latents none.
            clip_sample=config.latents == "pixels",
            prediction_type=config.prediction,
            rescale_betas_zero_snr=config.zero_snr,
            timestep_spacing="trailing" if config.zero_snr else "leading",
        )
        self._schedule.set_timesteps(config.sampling_steps)
        every = torch.arange(TIMESTEPS)
        self._levels = every if config.noise_levels == "all" else self._schedule.timesteps.sort()[0]

    def losses(self, denoise: Denoise, latents: Tensor, text: Tensor, noised: Noised) -> Tensor:
        """Mean squared error of each row's prediction of noise (VSD2M, Eq. 2) or velocity: (B,)."""
        noise, timesteps = noised.noise, noised.timesteps
        noisy = self._schedule.add_noise(latents, noise, timesteps)
        wanted = (
            noise
            if self.config.prediction == "epsilon"
            else self._schedule.get_velocity(latents, noise, timesteps)
        )
        return (denoise(noisy, timesteps, text) - wanted).square().flatten(1).mean(1)

    def draw(self, shape: Sequence[int]) -> Noised:
        """Noise of that shape, and a timestep for each row, from torch's generator."""
        noise = torch.randn(*shape)
        return Noised(noise, self._levels[torch.randint(len(self._levels), (shape[0],))])

    def draw_fixed(self, ids: Sequence[str], shape: Sequence[int]) -> Iterator[Noised]:
        """``validation_draws`` looks at rows of that shape, the same for an id every time.

        Each covers its share of the timesteps that are learnt, so that few draws see them all.
        """
        generators = [torch.Generator().manual_seed(zlib.crc32(id_.encode())) for id_ in ids]
        share = len(self._levels) / self.config.validation_draws
        for number in range(self.config.validation_draws):
            noise = [torch.randn(*shape, generator=generator) for generator in generators]
            places = [float(torch.rand((), generator=generator)) for generator in generators]
            steps = [int((number + place) * share) for place in places]
            yield Noised(torch.stack(noise), self._levels[steps])

    def sample(self, denoise: Denoise, noise: Tensor, text: Tensor, without: Tensor) -> Tensor:
        """Latents out of noise (B, C, F, h, w) for text (B, L, D), by DDIM.

        ``without`` (L, D) is the empty caption, which classifier-free guidance leads away from.
        """
        scale = self.config.guidance
        empty = without.expand_as(text)
        latents = noise
        for step in self._schedule.timesteps:
            timesteps = step.to(noise.device).expand(len(noise))
            if scale == 1:
                predicted = denoise(latents, timesteps, text)
            else:
                both = denoise(
                    torch.cat([latents] * 2), torch.cat([timesteps] * 2), torch.cat([empty, text])
                )
                base, led = both.chunk(2)
                predicted = base + scale * (led - base)
            latents = self._schedule.step(predicted, int(step), latents, return_dict=False)[0]
        return latents


def start_noise(seed: int, numbers: Sequence[int], shape: Sequence[int]) -> Tensor:
    """The noise that clip ``number`` starts from: the same in whatever company it's drawn."""
    drawn = []
    for number in numbers:
        key = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
        drawn.append(torch.randn(*shape, generator=torch.Generator().manual_seed(key)))
    return torch.stack(drawn)
