"""Rows: captions of the paper's form, and animations alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, TextToVideoSDPipeline
from transformers import CLIPTextModel, CLIPTokenizer

from pipeline.baselines.sti.data import caption_of, captions_of, read_clips
from pipeline.baselines.sti.presets import PRESETS
from pipeline.training.examples import Dataset
from pipeline.training.texts import text_features

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("texts", "caption"),
    [
        ({"domain": "cartoon", "caption_en": "a cat", "caption_zh": "猫"}, "Cartoon\ta cat"),
        ({"domain": "real", "caption_zh": "猫", "ocr_text": "hi"}, "Real\t猫"),
        ({"domain": "real", "ocr_text": "hi"}, "Real\thi"),
        ({"caption_en": "a cat"}, "a cat"),
        ({"domain": "cartoon"}, "Cartoon\t"),
        ({}, ""),
    ],
)
def test_a_caption_is_domain_and_description(texts: dict[str, str], caption: str) -> None:
    assert caption_of(texts) == caption


def test_stills_are_left_out_and_counted(write_release: Make, moving: Make) -> None:
    rows = [moving(n, frames=1 if n % 3 == 0 else 5) for n in range(9)]
    rows[1]["caption_en"] = rows[1]["domain"] = None
    config = PRESETS["tiny"]
    found = read_clips(Dataset(write_release(train=rows)), "train", config)
    assert found.ids == tuple(rows[n]["id"] for n in range(9) if n % 3)
    assert found.use.used == 6
    assert [len(found.frames[row]) for row in range(6)] == [config.frames] * 6
    assert found.frames[0].shape == (config.frames, config.image_side, config.image_side, 3)
    assert captions_of(found)[1] == "Cartoon\ta red circle moves up"
    notes = " | ".join(found.notes)
    assert "3 train rows are stills" in notes
    assert "1 of 6 train rows have no description" in notes


def test_an_animation_moves_in_its_clip(animations: Make) -> None:
    found = read_clips(Dataset(animations(train=2)), "train", PRESETS["tiny"])
    clip = found.frames[0].astype(int)
    assert all((clip[n] != clip[n + 1]).any() for n in range(len(clip) - 1))


def test_a_split_without_rows_has_none(animations: Make, tmp_path: Path) -> None:
    found = read_clips(Dataset(animations(train=2)), "test", PRESETS["tiny"])
    assert len(found) == 0


@pytest.fixture(scope="module")
def padded_base(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base with a padding token of its own, as Stable Diffusion 2's tokenizer has one."""
    folder = tmp_path_factory.mktemp("padded")
    (folder / "text_encoder").symlink_to(base / "text_encoder")
    tokenizer = CLIPTokenizer.from_pretrained(base, subfolder="tokenizer")
    tokenizer.pad_token = "a"
    tokenizer.save_pretrained(folder / "tokenizer")
    return folder


@pytest.mark.parametrize(
    ("pipeline", "others"),
    [
        (StableDiffusionPipeline, ("safety_checker", "feature_extractor")),
        (TextToVideoSDPipeline, ()),
    ],
)
def test_captions_are_encoded_as_the_base_was_trained_with(
    on_base: Make, padded_base: Path, pipeline: Any, others: tuple[str, ...]
) -> None:
    captions = ["Cartoon\ta cat waves", "a cat", "", "a caption of more letters than there is room"]
    whole = pipeline(
        text_encoder=CLIPTextModel.from_pretrained(padded_base, subfolder="text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(padded_base, subfolder="tokenizer"),
        # No part of encoding a prompt.
        **dict.fromkeys(("vae", "unet", "scheduler", *others)),
    )
    with torch.no_grad():
        expected, _ = whole.encode_prompt(captions, "cpu", 1, False)
    found = text_features(captions, on_base(base=str(padded_base)).text_spec)[:]
    assert found.shape == tuple(expected.shape) == (4, 12, 16)
    assert np.abs(found - expected.numpy()).max() <= 1e-6
