"""Between pixels and latents: blocks of pixels as they are, or a frozen VAE."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.baselines.sti.config import VAE_CHANNELS, VAE_FACTOR, StiConfig
from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.caching import cache_folder
from pipeline.engine.compute import default_device
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra
from pipeline.training.arrays import Images
from pipeline.training.examples import Examples
from pipeline.training.pretrained import load_pretrained


@dataclass(frozen=True)
class Codec:
    """Clips (F, side, side, 3), 0 to 255, to latents (C, F, h, w) and back.

    ``key`` names what encodes, None where encoding is too cheap to be kept.
    """

    encode: Callable[[Images], Tensor]
    decode: Callable[[Tensor], Images]
    key: str | None = None


Latents = Callable[[int], Tensor]
"""Latents (C, F, h, w) of a row by its number."""


def open_codec(config: StiConfig) -> Codec:
    """The codec of a configuration; raises StickerworksError when its weights can't be had."""
    if config.latents == "pixels":
        return Codec(
            encode=lambda clip: functional.pixel_unshuffle(to_signal(clip), config.patch).transpose(
                0, 1
            ),
            decode=lambda latents: to_pixels(
                functional.pixel_shuffle(latents.transpose(0, 1), config.patch)
            ),
        )
    return _open_vae(config)


def open_latents(codec: Codec, examples: Examples) -> Latents:
    """Latents of a split's rows; what a VAE gives is computed once and memory-mapped."""
    if codec.key is None:
        return lambda row: codec.encode(examples.frames[row])
    facts = [codec.key, examples.frames.digest, examples.ids, examples.frames.side]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    path = cache_folder("latents") / f"{key[:32]}.npy"
    if not path.exists():
        with atomic_file(path) as temporary:
            _write(temporary, codec, examples)
    kept = np.load(path, mmap_mode="r")
    return lambda row: torch.from_numpy(kept[row].astype(np.float32))


def to_signal(clip: Images) -> Tensor:
    """Frames (F, H, W, 3), 0 to 255, as (F, 3, H, W), -1 to 1."""
    return torch.from_numpy(np.array(clip)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pixels(signal: Tensor) -> Images:
    """Frames (F, 3, H, W), -1 to 1 with the rest cut off, as (F, H, W, 3), 0 to 255."""
    scaled = (signal.float().clamp(-1, 1) + 1) * 127.5
    pixels: Images = scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels


def _open_vae(config: StiConfig) -> Codec:
    kind = need_extra("diffusers", "baselines", "STI").AutoencoderKL

    def load(name: str) -> Any:
        return kind.from_pretrained(name, subfolder="vae", low_cpu_mem_usage=False)

    device = default_device()
    vae = load_pretrained(load, config.base).eval().requires_grad_(False).to(device)
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    channels = vae.config.latent_channels
    if (channels, factor) != (VAE_CHANNELS, VAE_FACTOR):
        raise StickerworksError(
            f"The VAE of {config.base} gives {channels} channels at a side of 1/{factor}.",
            f"Use one with {VAE_CHANNELS} channels at 1/{VAE_FACTOR}, as Stable Diffusion 2's.",
        )

    # The mean of what the VAE says is taken: its spread is far below what a latent differs by.
    def encode(clip: Images) -> Tensor:
        with torch.inference_mode():
            found = vae.encode(to_signal(clip).to(device)).latent_dist.mode()
        latents: Tensor = (found * vae.config.scaling_factor).transpose(0, 1).cpu()
        return latents

    def decode(latents: Tensor) -> Images:
        with torch.inference_mode():
            scaled = latents.transpose(0, 1).to(device) / vae.config.scaling_factor
            return to_pixels(vae.decode(scaled).sample)

    return Codec(encode, decode, _digest_weights(vae.state_dict().values()))


def _write(path: Path, codec: Codec, examples: Examples) -> None:
    first = codec.encode(examples.frames[0])
    file = np.lib.format.open_memmap(path, "w+", np.float16, (len(examples), *first.shape))
    for row in range(len(examples)):
        file[row] = codec.encode(examples.frames[row]).numpy()
    file.flush()


def _digest_weights(weights: Iterable[Tensor]) -> str:
    sha = hashlib.sha256()
    for weight in weights:
        sha.update(weight.detach().cpu().contiguous().numpy().data)
    return sha.hexdigest()
