"""Latents: pixels come back as they were, and a VAE works once for each clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.baselines.sti.data import read_clips
from pipeline.baselines.sti.latents import open_codec, open_latents, to_signal
from pipeline.baselines.sti.presets import PRESETS
from pipeline.engine.errors import StickerworksError
from pipeline.training.examples import Dataset

Make = Callable[..., Any]


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), patch=st.sampled_from((1, 2, 4)))
def test_pixels_come_back_as_they_were(seed: int, patch: int) -> None:
    config = replace(PRESETS["tiny"], patch=patch)
    clip = np.random.default_rng(seed).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    codec = open_codec(config)
    latents = codec.encode(clip)
    assert tuple(latents.shape) == config.latent_shape
    assert latents.abs().max() <= 1
    assert np.array_equal(codec.decode(latents), clip)


def test_a_vae_encodes_each_frame_and_is_asked_once(
    on_base: Make, base: Path, animations: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = on_base()
    examples = read_clips(Dataset(animations(train=3)), "train", config)
    codec = open_codec(config)
    latents = open_latents(codec, examples)
    vae = AutoencoderKL.from_pretrained(base, subfolder="vae").eval()
    with torch.no_grad():
        frames = to_signal(examples.frames[1])
        each = [vae.encode(frame[None]).latent_dist.mean[0] for frame in frames]
    expected = torch.stack(each, 1) * vae.config.scaling_factor
    assert tuple(latents(1).shape) == config.latent_shape == tuple(expected.shape)
    # Half precision in the cache.
    torch.testing.assert_close(latents(1), expected, rtol=2e-3, atol=1e-4)
    with torch.no_grad():
        pictures = vae.decode(expected.transpose(0, 1) / vae.config.scaling_factor).sample
    shown = ((pictures.clamp(-1, 1) + 1) * 127.5).permute(0, 2, 3, 1).numpy()
    assert np.abs(codec.decode(expected) - shown).max() < 1.01

    def refuse(clip: object) -> torch.Tensor:
        raise AssertionError("it was encoded already")

    again = open_latents(replace(codec, encode=refuse), examples)
    assert torch.equal(again(2), latents(2))


def test_a_vae_of_another_shape_is_refused(on_base: Make, tmp_path: Path) -> None:
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        latent_channels=4,
    )
    vae.save_pretrained(tmp_path / "vae")
    with pytest.raises(StickerworksError, match="gives 4 channels at a side of 1/2"):
        open_codec(on_base(base=str(tmp_path)))
