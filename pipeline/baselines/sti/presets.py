"""Configurations of STI by name."""

from __future__ import annotations

from typing import Any

from pipeline.baselines.sti.config import StiConfig

_FROM_CHANCE: dict[str, Any] = {
    "trained": "all",
    "placement": "replace",
    "position": "sinusoidal",
    "base": "",
    "latents": "pixels",
    "text": "hashed",
    "layers_per_block": 1,
    "patch": 2,
    "zero_snr": True,
    "accumulate": 1,
    "clip": "",
}

PRESETS = {
    "paper": StiConfig(),
    "small": StiConfig(
        **_FROM_CHANCE,
        channels=(96, 192, 256),
        head_dim=32,
        image_side=64,
        text_dim=128,
        text_length=32,
        guidance=2.0,
        average=0.999,
        learning_rate=5e-4,
        batch_size=32,
        epochs=60,
        warmup_steps=100,
        evaluated_clips=512,
        sample_every=10,
    ),
    "tiny": StiConfig(
        **_FROM_CHANCE,
        channels=(48, 48),
        head_dim=8,
        groups=8,
        frames=4,
        image_side=16,
        text_dim=32,
        text_length=12,
        noise_levels="sampled",
        sampling_steps=4,
        guidance=1.0,
        caption_dropout=0.0,
        average=0.98,
        learning_rate=4e-3,
        weight_decay=0.0,
        batch_size=4,
        epochs=42,
        warmup_steps=30,
        bf16=False,
        evaluated_clips=64,
        sample_every=10,
    ),
}
"""Settings by name: ``paper``, ``small`` (one GPU, minutes), ``tiny`` (a CPU, a minute)."""
