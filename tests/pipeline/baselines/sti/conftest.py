"""Drawn animations, releases of them, and a Stable Diffusion small enough for a test."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

SHAPES = ("circle", "square")
COLOURS = ("red", "blue", "green", "orange")
WAYS = ("left", "right", "up", "down")
SIGHTS = list(itertools.product(SHAPES, COLOURS, WAYS))
Rows = list[dict[str, Any]]


def draw_frames(shape: str, colour: str, way: str, count: int = 6) -> list[Image.Image]:
    """A shape that crosses a white picture."""
    frames = []
    for place in np.linspace(-14, 14, count):
        step = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}[way]
        x, y = 32 + step[0] * place, 32 + step[1] * place
        image = Image.new("RGB", (64, 64), "white")
        pen = ImageDraw.Draw(image)
        draw = pen.ellipse if shape == "circle" else pen.rectangle
        draw((x - 10, y - 10, x + 10, y + 10), fill=colour)
        frames.append(image)
    return frames


def make_moving(number: int, frames: int = 6) -> dict[str, Any]:
    """A release's row of the ``number``-th sight; with one frame it's a still."""
    shape, colour, way = SIGHTS[number % len(SIGHTS)]
    drawn = draw_frames(shape, colour, way, frames)
    file = io.BytesIO()
    # The comment makes the same sight another file.
    drawn[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=drawn[1:],
        duration=100,
        comment=str(number).encode(),
    )
    id_ = hashlib.sha256(file.getvalue()).hexdigest()
    return {
        "id": id_,
        "image": {"bytes": file.getvalue(), "path": f"{id_}.gif"},
        "tags": [],
        "label_status": "pending",
        "suggested_tags": [],
        "duplicate_group": id_,
        "template_id": id_,
        "simulated": False,
        "caption_en": f"a {colour} {shape} moves {way}",
        "captioner": "model",
        "domain": "cartoon",
    }


@pytest.fixture
def moving() -> Callable[..., dict[str, Any]]:
    """Make a row: ``moving(number, frames)``."""
    return make_moving


@pytest.fixture
def animations(write_release: Callable[..., Path]) -> Callable[..., Path]:
    """Write a release of so many animations by split, such as ``animations(train=8)``."""

    def write(**counts: int) -> Path:
        starts = itertools.accumulate(counts.values(), initial=0)
        return write_release(
            **{
                split: [make_moving(first + n) for n in range(count)]
                for (split, count), first in zip(counts.items(), starts, strict=False)
            }
        )

    return write


def write_clip_tokenizer(folder: Path, length: int) -> int:
    """Write a tokenizer of single letters as CLIP's; returns how many tokens it knows."""
    from transformers import CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    vocabulary = [*words, "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer.from_pretrained(folder, model_max_length=length)
    tokenizer.save_pretrained(folder)
    return len(vocabulary)


@pytest.fixture(scope="session")
def clip_tokenizer() -> Callable[[Path, int], int]:
    """Write a tokenizer: ``clip_tokenizer(folder, length)``."""
    return write_clip_tokenizer


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion 2 in folders, with random weights and everything small."""
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    words = write_clip_tokenizer(folder / "tokenizer", 12)
    parts = {
        "unet": UNet2DConditionModel(
            in_channels=4,
            out_channels=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(16, 32),
            layers_per_block=1,
            attention_head_dim=(2, 4),
            norm_num_groups=8,
            cross_attention_dim=16,
            use_linear_projection=True,
        ),
        "vae": AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(8, 8, 8, 8),
            layers_per_block=1,
            norm_num_groups=4,
            latent_channels=4,
        ),
        "text_encoder": CLIPTextModel(
            CLIPTextConfig(
                vocab_size=words,
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                max_position_embeddings=12,
                bos_token_id=words - 2,
                eos_token_id=words - 1,
                pad_token_id=words - 1,
            )
        ),
        "scheduler": DDIMScheduler(prediction_type="v_prediction"),
    }
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    return folder


SMALL_BASE = {
    "channels": (16, 32),
    "layers_per_block": 1,
    "head_dim": 8,
    "groups": 8,
    "text_dim": 16,
    "text_length": 12,
    "image_side": 32,
    "frames": 8,
    "bf16": False,
    "clip": "",
    "batch_size": 2,
    "accumulate": 1,
    "sampling_steps": 2,
    "guidance": 2.0,
    "learning_rate": 1e-3,
    "warmup_steps": 0,
    "epochs": 1,
}


@pytest.fixture
def on_base(base: Path) -> Callable[..., Any]:
    """The paper's configuration at the size of the small base: ``on_base(**changes)``."""
    from pipeline.baselines.sti.presets import PRESETS

    return lambda **changes: replace(
        PRESETS["paper"], **{"base": str(base), **SMALL_BASE, **changes}
    )
