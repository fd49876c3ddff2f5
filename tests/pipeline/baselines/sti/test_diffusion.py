"""Noise: the schedule's figures, losses of a network that knows, and sampling with one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.baselines.sti.config import StiConfig
from pipeline.baselines.sti.diffusion import Denoise, Diffusion, Noised, start_noise
from pipeline.baselines.sti.presets import PRESETS

SHAPE = (3, 2, 4, 4)
TEXT = torch.zeros(2, 5, 8)
EMPTY = torch.zeros(5, 8)


def signal_shares(zero_snr: bool) -> Tensor:
    """The share of a latent's variance that is left at each timestep, in float64."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    shares = (1 - betas).cumprod(0)
    if zero_snr:
        roots = shares.sqrt()
        shares = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
    return shares


def settings(**changes: Any) -> StiConfig:
    return replace(PRESETS["tiny"], **{"noise_levels": "all", **changes})


def knowing(clean: Tensor, config: StiConfig) -> Denoise:
    """A network that knows what was noised, and so what noise it was."""
    shares = signal_shares(config.zero_snr)

    def denoise(noisy: Tensor, timesteps: Tensor, text: Tensor) -> Tensor:
        keep = shares[timesteps].float()[:, None, None, None, None]
        noise = (noisy - keep.sqrt() * clean) / (1 - keep).sqrt()
        if config.prediction == "epsilon":
            return noise
        return keep.sqrt() * noise - (1 - keep).sqrt() * clean

    return denoise


@pytest.mark.parametrize(
    ("prediction", "zero_snr"),
    [("epsilon", False), ("v_prediction", False), ("v_prediction", True)],
)
def test_a_network_that_knows_has_no_loss_and_draws_what_it_knows(
    prediction: str, zero_snr: bool
) -> None:
    config = settings(prediction=prediction, zero_snr=zero_snr, sampling_steps=25)
    torch.manual_seed(0)
    clean = torch.rand(2, *SHAPE) * 2 - 1
    diffusion, denoise = Diffusion(config), knowing(clean, config)
    noised = Noised(torch.randn(2, *SHAPE), torch.tensor([20, 900]))
    assert diffusion.losses(denoise, clean, TEXT, noised).max() < 1e-6
    blind = diffusion.losses(lambda noisy, t, text: torch.zeros_like(noisy), clean, TEXT, noised)
    keep = signal_shares(zero_snr)[noised.timesteps].float()[:, None, None, None, None]
    wanted = (
        noised.noise
        if prediction == "epsilon"
        else keep.sqrt() * noised.noise - (1 - keep).sqrt() * clean
    )
    torch.testing.assert_close(blind, wanted.square().mean((1, 2, 3, 4)), rtol=1e-4, atol=1e-5)
    drawn = diffusion.sample(denoise, start_noise(0, (0, 1), SHAPE), TEXT, EMPTY)
    assert float((drawn - clean).abs().max()) < 0.15, "what is left is the noise of timestep 0"
    assert float((drawn - clean).abs().mean()) < 0.03


def test_ddim_visits_the_timesteps_of_stable_diffusion() -> None:
    seen: list[int] = []

    def denoise(noisy: Tensor, timesteps: Tensor, text: Tensor) -> Tensor:
        seen.extend(timesteps[:1].tolist())
        return torch.zeros_like(noisy)

    noise = start_noise(0, (0, 1), SHAPE)
    Diffusion(replace(PRESETS["paper"], guidance=1.0)).sample(denoise, noise, TEXT, EMPTY)
    assert seen == list(range(961, 0, -40))
    seen.clear()
    Diffusion(settings(zero_snr=True, sampling_steps=4)).sample(denoise, noise, TEXT, EMPTY)
    assert seen == [999, 749, 499, 249], "the first is noise alone"


def test_guidance_leads_away_from_the_empty_caption() -> None:
    def denoise(noisy: Tensor, timesteps: Tensor, text: Tensor) -> Tensor:
        return text.mean((1, 2))[:, None, None, None, None].expand_as(noisy)

    text, empty = torch.full((2, 5, 8), 0.3), torch.full((5, 8), 0.1)
    noise = start_noise(0, (0, 1), SHAPE)

    def sample(guidance: float, led: Tensor) -> Tensor:
        config = settings(guidance=guidance, sampling_steps=1, latents="pixels", zero_snr=True)
        return Diffusion(config).sample(denoise, noise, led, empty)

    # In one step from noise alone what is drawn is minus the prediction.
    torch.testing.assert_close(sample(1.0, text).mean(), torch.tensor(-0.3), atol=0.03, rtol=0)
    torch.testing.assert_close(
        sample(3.0, text), sample(1.0, torch.full_like(text, 0.1 + 3 * 0.2)), atol=1e-5, rtol=0
    )


def test_fixed_looks_belong_to_the_row_and_cover_the_timesteps() -> None:
    config = settings(validation_draws=4)
    diffusion = Diffusion(config)
    ids = [f"row {n}" for n in range(40)]
    looks = list(diffusion.draw_fixed(ids, SHAPE))
    other_way = list(diffusion.draw_fixed(ids[::-1], SHAPE))
    assert len(looks) == 4
    for number, (look, other) in enumerate(zip(looks, other_way, strict=True)):
        assert torch.equal(look.noise, other.noise.flip(0))
        assert torch.equal(look.timesteps, other.timesteps.flip(0))
        assert 250 * number <= look.timesteps.min() <= look.timesteps.max() < 250 * (number + 1)
        assert len(set(look.timesteps.tolist())) > 20
    assert not torch.equal(looks[0].noise[0], looks[0].noise[1])
    assert not torch.equal(looks[0].noise[0], looks[1].noise[0])


def test_training_may_draw_from_the_sampled_timesteps_alone() -> None:
    every = Diffusion(settings()).draw((4000, 1)).timesteps
    assert every.min() < 10
    assert every.max() > 990
    some = Diffusion(settings(noise_levels="sampled", sampling_steps=4)).draw((400, 1)).timesteps
    assert set(some.tolist()) == {249, 499, 749, 999}


def test_training_noise_comes_from_torchs_generator_and_sampling_leaves_it_alone() -> None:
    diffusion = Diffusion(settings(sampling_steps=2))
    torch.manual_seed(3)
    first = diffusion.draw((2, *SHAPE))
    torch.manual_seed(3)
    again = diffusion.draw((2, *SHAPE))
    assert torch.equal(first.noise, again.noise)
    assert torch.equal(first.timesteps, again.timesteps)
    before = torch.get_rng_state()
    noise = start_noise(5, (0, 1), SHAPE)
    diffusion.sample(lambda noisy, t, text: noisy, noise, TEXT, EMPTY)
    list(diffusion.draw_fixed(["a"], SHAPE))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_noise_of_a_clip_depends_on_seed_and_number_alone() -> None:
    together = start_noise(7, range(4), SHAPE)
    assert torch.equal(start_noise(7, (2,), SHAPE)[0], together[2])
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(start_noise(8, (0,), SHAPE)[0], together[0])
